"""The launcher that notices when the process of a run is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus

from intercom_assets.launcher import SLACK_SECONDS, WatchfulRunLauncher, _lives

LAUNCHER = {"run_launcher": {"module": "intercom_assets.launcher", "class": "WatchfulRunLauncher"}}


@dg.asset
def anything() -> None: ...


def test_a_run_is_well_as_long_as_its_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.instance_for_test(overrides=LAUNCHER) as instance:
        launcher: Any = instance.run_launcher
        assert isinstance(launcher, WatchfulRunLauncher)
        run = dg.materialize([anything], instance=instance).dagster_run
        assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
        monkeypatch.setattr("intercom_assets.launcher._lives", lambda pid, since: False)
        told = launcher.check_run_worker_health(run)
    assert told.status == WorkerStatus.FAILED
    assert told.msg == f"process {os.getpid()} of the run is gone"


def test_a_later_process_of_the_same_number_is_another_one() -> None:
    began = time.time()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert _lives(process.pid, began)
        assert not _lives(process.pid, began - 2 * SLACK_SECONDS)


def test_a_process_that_ended_lives_no_more() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    deadline = time.monotonic() + 30
    while _lives(process.pid, time.time()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _lives(process.pid, time.time()), "it ended, and nobody has asked how"
    process.wait()
    assert not _lives(process.pid, time.time())
    process.stdout.close()
