"""A run launcher for one machine, which tells Dagster's daemon when the process of a run is gone.

The default launcher cannot tell: a run whose process was killed, or that a reboot ended, counts as
under way for ever, and the next one waits for its place.
"""

import dagster as dg
import psutil
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

# How much later than its run a process may seem to have begun: clocks are set now and then.
SLACK_SECONDS = 10.0


class WatchfulRunLauncher(dg.DefaultRunLauncher):
    """Dagster's default launcher, with an eye on the processes of runs, whoever started them.

    For an instance of one machine: process ids of another mean nothing here. Asks for
    ``run_monitoring`` in ``dagster.yaml``, which then marks such runs as failed.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """That it does."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the process lives that told of the run's start."""
        told = self._instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.RUN_START, limit=1
        ).records
        event = told[0].event_log_entry.dagster_event if told else None
        if event is None or event.pid is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its process is not known")
        if _lives(event.pid, told[0].timestamp):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"process {event.pid} of the run is gone")


def _lives(pid: int, since: float) -> bool:
    """Whether a process lives, and is not a later one of the same number."""
    try:
        process = psutil.Process(pid)
        is_it = process.create_time() <= since + SLACK_SECONDS
        return is_it and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
