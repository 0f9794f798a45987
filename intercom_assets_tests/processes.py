"""Runs in processes of their own, which die where a test wants them to.

A helper process has imported everything and has no threads: it forks for each run, so that a run
that dies costs a tenth of a second rather than the seconds that Dagster's start takes.
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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.mortal_runs import Job, run
from intercom_assets_tests.traces import traces
from intercom_assets_tests.warehouses import database_of, extension_directory


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
        folder: Where runs tell how they ended, and what they print.

    Args:
        folder: The same.
        temporary: Where runs put what they need for a while only.
        environment: Further variables of the runs.
    """

    def __init__(self, folder: Path, temporary: Path, **environment: str) -> None:
        self.folder = folder
        self._count = 0
        self._tokens: set[str] = set()
        self._written: set[Path] = {folder, temporary}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "intercom_assets_tests.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "DAGSTER_DISABLE_TELEMETRY": "1",
                "TMPDIR": str(temporary),
                **environment,
            },
        )

    def start(self, job: Job) -> Running:
        """Starts a run."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._count += 1
        self._tokens.add(job.token)
        self._written.add(Path(job.home))
        if not job.database.startswith("ducklake:"):
            database = Path(job.database)
            self._written |= {database, database.with_name(f"{database.name}.wal")}
        result = self.folder / f"run-{self._count}.json"
        print(json.dumps([vars(job), str(result)]), file=self._process.stdin, flush=True)
        return Running(int(self._process.stdout.readline()), result)

    def run(self, job: Job) -> Ended:
        """Runs to the end."""
        return self.start(job).wait()

    def secrets_told(self) -> list[str]:
        """Where a token is found in what the runs printed, told Dagster and stored."""
        return [place for token in self._tokens for place in traces(token, self._written)]

    def stop(self) -> None:
        """Ends the helper process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def forker(folder: Path, **environment: str) -> Iterator[Forker]:
    """A helper process for the time of a block; no run of it may have told its token."""
    # The name of a socket in it must not be long.
    with tempfile.TemporaryDirectory(prefix="runs-", ignore_cleanup_errors=True) as temporary:
        helper = Forker(folder, Path(temporary), **environment)
        try:
            yield helper
        finally:
            helper.stop()
        assert helper.secrets_told() == []


def job_of(sandbox: Sandbox, folder: Path, *streams: str, **wanted: Any) -> Job:
    """A run against a sandbox, with a database and a DAGSTER_HOME in a folder."""
    home = folder / "home"
    if not home.exists():
        shutil.copytree(_empty_home(), home)
    database = database_of(folder)
    extensions = extension_directory() if isinstance(database, str) else None
    return Job(
        **{
            "database": str(database),
            "connection": {"extension_directory": extensions} if extensions else {},
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
    # What steps print nobody reads here, and to keep it Dagster starts two processes a run.
    (home / "dagster.yaml").write_text(
        "compute_logs:\n"
        "  module: dagster._core.storage.noop_compute_log_manager\n"
        "  class: NoOpComputeLogManager\n"
    )
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs_count()
        instance.fetch_materializations(dg.AssetKey("any"), limit=1)
    return home


def main() -> None:
    """Forks for each job that stdin brings; tells the process ids on stdout."""
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
    printed = os.open(result.with_suffix(".out"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(printed, stream.fileno())
    try:
        told = run(job)
        _write(result, json.dumps(told))
    except BaseException as problem:
        _write(result, json.dumps({"errors": f"{type(problem).__name__}: {problem}"}))
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
