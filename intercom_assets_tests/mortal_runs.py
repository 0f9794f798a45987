"""What a run does that may die where a test wants it to.

It passes boundaries: before every commit of DuckDB's, after it while the file is still open and its
log not yet part of it, and after the file is closed; before and after every event that Dagster
stores. At the one it is told, the process ends as kill -9 ends it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource

from intercom_assets import io_manager, writer
from intercom_assets.assets import IO_MANAGER_KEY, RESOURCE_KEY, build_intercom_assets
from intercom_assets.client import pacing
from intercom_assets.executor import threads_executor
from intercom_assets.resources import IntercomResource
from intercom_assets.streams import STREAMS, NestedStream
from intercom_assets.warehouse import Warehouse
from intercom_assets.warehouse.kinds import kind_of

# What tells a step's process its job, and which process is not a step's.
JOB, PARENT = "INTERCOM_ASSETS_TEST_JOB", "INTERCOM_ASSETS_TEST_PARENT"
# Where the steps of a run are run.
THREADS, IN_PROCESS, PROCESSES = "threads", "in_process", "processes"


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
        executor: Where the steps run: THREADS of the run's process, as shipped; the run's process,
            one after the other, and so the pages and cut lists of each; or PROCESSES of their own,
            of which then one dies.
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
    executor: str = THREADS


class Boundaries:
    """Counts the boundaries that a run passes, and ends the process at one of them."""

    def __init__(self, die_at: int | None) -> None:
        self.passed = 0
        self._die_at = die_at

    def guard(self) -> None:
        """Puts a boundary before and after each commit and each event of this process."""
        warehouses: Any = Warehouse
        transaction, connection = Warehouse.transaction, Warehouse.connection

        @contextmanager
        def bounded_transaction(warehouse: Warehouse) -> Iterator[Any]:
            with transaction(warehouse) as opened:
                yield opened
                self.cross()
            self.cross()

        @contextmanager
        def bounded_connection(warehouse: Warehouse) -> Iterator[Any]:
            with connection(warehouse) as opened:
                yield opened
                self.cross()

        warehouses.transaction, warehouses.connection = bounded_transaction, bounded_connection
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


def run(job: Job) -> dict[str, Any]:
    """Runs to the end, if it comes to that; returns the fields of `Ended` that tell of it."""
    boundaries = Boundaries(None if job.executor == PROCESSES else job.die_at)
    boundaries.guard()
    if job.file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_size, job.file_size))
    with dg.DagsterInstance.from_config(job.home) as instance:
        result = (_in_process if job.executor == IN_PROCESS else _by_executor)(job, instance)
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


def _by_executor(job: Job, instance: dg.DagsterInstance) -> dg.JobExecutionResult:
    os.environ.update({JOB: json.dumps(vars(job)), PARENT: str(os.getpid())})
    with dg.execute_job(
        dg.reconstructable(job_of_the_environment),
        instance=instance,
        run_config=_run_config(job),
        raise_on_error=False,
    ) as result:
        return result


def job_of_the_environment() -> dg.JobDefinition:
    """The job that the environment describes; made anew in each step's process, which may die."""
    job = Job(**json.loads(os.environ[JOB]))
    if os.environ[PARENT] != str(os.getpid()):
        Boundaries(job.die_at).guard()
    processes = dg.multiprocess_executor.configured(
        {"start_method": {"forkserver": {"preload_modules": ["intercom_assets.definitions"]}}}
    )
    executor = processes if job.executor == PROCESSES else threads_executor
    definitions = dg.Definitions(
        assets=_assets(job),
        resources=_resources(job),
        jobs=[dg.define_asset_job("everything", executor_def=executor)],
    )
    return definitions.get_job_def("everything")


def _assets(job: Job) -> list[Any]:
    return list(build_intercom_assets(job.streams, max_retries=job.max_retries, checks=False))


def _resources(job: Job) -> dict[str, Any]:
    # As often in each kind of warehouse, whose commits hold more in some.
    limits: Any = writer
    limits.COMMIT_ROWS = job.commit_rows / kind_of(job.database).bulk
    pacing.WORK_SECONDS = 1e9 if job.executor == IN_PROCESS else 1e-9
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
    # What is nested in a stream is read by that one's step.
    steps = [name for name in job.streams if not issubclass(STREAMS[name], NestedStream)]
    return {"ops": {name: {"config": job.config} for name in steps}}
