"""Runs in processes of their own, which die where a test wants them to.

A helper process has imported everything and has no threads: it forks for each run, so that a run
that dies costs a tenth of a second rather than the seconds that Dagster's start takes.

A run passes boundaries: before and after every commit of DuckDB's, and before and after every event
that Dagster stores. At the one it is told, the process ends as kill -9 ends it.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg

from intercom_assets.sandbox import Sandbox


@dataclass
class Job:
    """What one run does.

    Attributes:
        database: The DuckDB file.
        home: DAGSTER_HOME.
        url: The sandbox.
        token: Its token.
        streams: What to materialize.
        die_at: The boundary to die at; None for a run that ends by itself.
        settings: More settings of the client.
        io_manager: More fields of the IO manager.
        config: Run config of each stream.
        commit_rows: Records a commit.
        connection: Configuration of DuckDB's connections.
        file_size: Bytes that a file may have.
        max_retries: Of a step.
        multiprocess: Whether each step has a process of its own, which then is the one that dies.
    """

    database: str
    home: str
    url: str
    token: str
    streams: list[str]
    die_at: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    io_manager: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    commit_rows: int = 1
    connection: dict[str, Any] = field(default_factory=dict)
    file_size: int | None = None
    max_retries: int = 0
    multiprocess: bool = False


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        signal: The signal that ended the process; 0 if it ended by itself.
        success: Whether the run succeeded.
        boundaries: How many boundaries it passed, if it ended by itself.
        errors: Messages of the failures.
        log: Every line of Dagster's log.
    """

    signal: int
    success: bool = False
    boundaries: int = 0
    errors: str = ""
    log: str = ""


class Running:
    """A run under way."""

    def __init__(self, pid: int, result: Path) -> None:
        self.pid = pid
        self._result = result

    def kill(self, with_signal: int = signal.SIGKILL) -> None:
        """Sends a signal, unless the process has ended already."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, with_signal)

    def kill_group(self) -> None:
        """Ends the run with its step processes."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = 120) -> Ended:
        """Waits for the end."""
        deadline = time.monotonic() + seconds
        status = self._result.with_suffix(".status")
        while not status.exists():
            assert time.monotonic() < deadline, "the run does not end"
            time.sleep(0.01)
        code = int(status.read_text())
        told = json.loads(self._result.read_text()) if self._result.exists() else {}
        return Ended(os.WTERMSIG(code) if os.WIFSIGNALED(code) else 0, **told)


class Forker:
    """The helper process.

    Attributes:
        folder: Where runs tell how they ended.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "intercom_assets_tests.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DAGSTER_DISABLE_TELEMETRY": "1"},
        )

    def start(self, job: Job) -> Running:
        """Starts a run."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._count += 1
        result = self.folder / f"run-{self._count}.json"
        print(json.dumps([vars(job), str(result)]), file=self._process.stdin, flush=True)
        return Running(int(self._process.stdout.readline()), result)

    def run(self, job: Job) -> Ended:
        """Runs to the end."""
        return self.start(job).wait()

    def stop(self) -> None:
        """Ends the helper process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def forker(folder: Path) -> Iterator[Forker]:
    """A helper process for the time of a block."""
    helper = Forker(folder)
    try:
        yield helper
    finally:
        helper.stop()


def job_of(sandbox: Sandbox, folder: Path, *streams: str, **wanted: Any) -> Job:
    """A run against a sandbox, with a database and a DAGSTER_HOME in a folder."""
    home = folder / "home"
    if not home.exists():
        shutil.copytree(_empty_home(), home)
    database = str(folder / "warehouse.duckdb")
    return Job(
        **{
            "database": database,
            "home": str(home),
            "url": sandbox.url,
            "token": sandbox.token,
            "streams": list(streams),
            **wanted,
        }
    )


@cache
def _empty_home() -> Path:
    """A DAGSTER_HOME whose event store is made already: making one takes a second."""
    home = Path(tempfile.mkdtemp(prefix="intercom-assets-home-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    (home / "dagster.yaml").touch()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs_count()
        instance.fetch_materializations(dg.AssetKey("any"), limit=1)
    return home


class Boundaries:
    """Counts the boundaries that a run passes, and ends the process at one of them."""

    def __init__(self, die_at: int | None) -> None:
        self.passed = 0
        self._die_at = die_at

    def guard(self) -> None:
        """Puts a boundary before and after each commit and each event of this process."""
        from intercom_assets.warehouse.database import Warehouse

        original = Warehouse.transaction

        @contextmanager
        def transaction(warehouse: Warehouse) -> Iterator[Any]:
            with original(warehouse) as connection:
                yield connection
                self.cross()
            self.cross()

        Warehouse.transaction = transaction  # type: ignore[method-assign]
        instances: Any = dg.DagsterInstance
        instances.handle_new_event = self.around(instances.handle_new_event)

    def cross(self) -> None:
        """A boundary."""
        if self.passed == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A call with a boundary before and after it."""

        def bounded(*args: Any, **options: Any) -> Any:
            self.cross()
            result = call(*args, **options)
            self.cross()
            return result

        return bounded


def main() -> None:
    """Forks for each job that stdin brings; tells the process ids on stdout."""
    import intercom_assets.definitions  # noqa: F401 - imported once, for all

    running: dict[int, Path] = {}
    os.set_blocking(sys.stdin.fileno(), False)
    rest = ""
    while True:
        while running:
            pid, code = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            _write(running.pop(pid).with_suffix(".status"), str(code))
        try:
            read = os.read(sys.stdin.fileno(), 65536)
        except BlockingIOError:
            time.sleep(0.002)
            continue
        if not read:
            return
        *lines, rest = (rest + read.decode()).split("\n")
        for line in lines:
            job, result = json.loads(line)
            pid = os.fork()
            if not pid:
                _child(Job(**job), Path(result))
            running[pid] = Path(result)
            print(pid, flush=True)


def _write(path: Path, text: str) -> None:
    """Writes a file that is whole as soon as it is there."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def _child(job: Job, result: Path) -> None:
    os.setpgid(0, 0)
    try:
        told = _run(job)
        _write(result, json.dumps(told))
    except BaseException as problem:
        _write(result, json.dumps({"errors": f"{type(problem).__name__}: {problem}"}))
    finally:
        os._exit(0)


def _run(job: Job) -> dict[str, Any]:
    import resource

    boundaries = Boundaries(None if job.multiprocess else job.die_at)
    boundaries.guard()
    if job.file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_size, job.file_size))
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - while the process lives
    with dg.DagsterInstance.from_config(job.home) as instance:
        result = (_in_step_processes if job.multiprocess else _in_process)(job, instance)
        log = "\n".join(
            f"{entry.dagster_event_type or entry.level} {entry.user_message}"
            for entry in instance.all_logs(result.run_id)
        )
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return {
        "success": result.success,
        "boundaries": boundaries.passed,
        "errors": "\n".join(
            f"{failure.user_failure_data} {failure.error}" for failure in failures if failure
        ),
        "log": log,
    }


def _in_process(job: Job, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        _assets(job),
        instance=instance,
        resources=_resources(job),
        run_config=_run_config(job),
        raise_on_error=False,
    )


def _in_step_processes(job: Job, instance: dg.DagsterInstance) -> dg.JobExecutionResult:
    # The step processes are told by the environment.
    os.environ.update({JOB: json.dumps(vars(job)), PARENT: str(os.getpid())})
    with dg.execute_job(
        dg.reconstructable(multiprocess_job),
        instance=instance,
        run_config=_run_config(job),
        raise_on_error=False,
    ) as result:
        return result


JOB, PARENT = "INTERCOM_ASSETS_TEST_JOB", "INTERCOM_ASSETS_TEST_PARENT"


def multiprocess_job() -> dg.JobDefinition:
    """The job that the environment describes; made anew in each step's process, which may die."""
    job = Job(**json.loads(os.environ[JOB]))
    if os.environ[PARENT] != str(os.getpid()):
        Boundaries(job.die_at).guard()
    executor = dg.multiprocess_executor.configured(
        {"start_method": {"forkserver": {"preload_modules": ["intercom_assets.definitions"]}}}
    )
    definitions = dg.Definitions(
        assets=_assets(job),
        resources=_resources(job),
        jobs=[dg.define_asset_job("everything", executor_def=executor)],
    )
    return definitions.get_job_def("everything")


def _assets(job: Job) -> list[Any]:
    from intercom_assets.assets import build_intercom_assets

    return list(build_intercom_assets(job.streams, max_retries=job.max_retries, checks=False))


def _resources(job: Job) -> dict[str, Any]:
    from dagster_duckdb import DuckDBResource

    from intercom_assets import io_manager
    from intercom_assets.assets import IO_MANAGER_KEY, RESOURCE_KEY
    from intercom_assets.resources import IntercomResource

    io_manager.COMMIT_ROWS = job.commit_rows
    return {
        RESOURCE_KEY: IntercomResource(
            access_token=job.token,
            base_url=job.url,
            **{"retry_wait": 0.01, "page_size": 5, **job.settings},
        ),
        IO_MANAGER_KEY: io_manager.IntercomDuckDBIOManager(
            duckdb=DuckDBResource(database=job.database, connection_config=job.connection),
            **{"charts": False, **job.io_manager},
        ),
    }


def _run_config(job: Job) -> dict[str, Any]:
    return {"ops": {name: {"config": job.config} for name in job.streams}}


if __name__ == "__main__":
    main()
