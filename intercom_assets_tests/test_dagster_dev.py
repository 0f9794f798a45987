"""`dagster dev` as a user runs it: with its daemon, its queue and a real clock."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from intercom_assets.sandbox import Fault, RequestLog, Sandbox
from intercom_assets_tests.typed import Checkout, check_out

pytestmark = pytest.mark.slow

# From the moment that the UI answers. Dagster looks every 30 seconds.
NOTICED_WITHIN = 90.0


@pytest.fixture
def checkout(sandbox: Sandbox, tmp_path: Path) -> Checkout:
    """A checkout with ``.env``."""
    made = check_out(tmp_path / "checkout")
    made.write_env(
        INTERCOM_ACCESS_TOKEN=sandbox.token,
        INTERCOM_BASE_URL=sandbox.url,
        INTERCOM_DUCKDB_PATH="warehouse.duckdb",
    )
    return made


@pytest.fixture
def hanging(sandbox: Sandbox) -> Iterator[Callable[[], None]]:
    """Has Intercom leave a search for contacts unanswered; waits until somebody asks."""
    asked = threading.Event()

    def watch(request: RequestLog) -> None:
        if request.path.startswith("/contacts/search"):
            asked.set()

    sandbox.on_request = watch
    sandbox.faults.append(Fault("stall", match="/contacts/search"))
    yield lambda: asked.wait(120) or pytest.fail("nobody asks for contacts")
    sandbox.faults.clear()


def wait_for(is_so: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits until something is so."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, what
        time.sleep(0.5)


def test_a_run_that_is_killed_with_dagster_dev_makes_room_for_the_next(
    checkout: Checkout, sandbox: Sandbox, hanging: Callable[[], None]
) -> None:
    with checkout.serve() as server:
        killed = server.launch("contacts")
        hanging()
        server.stop(signal.SIGKILL)
    sandbox.faults.clear()
    with checkout.instance() as instance:
        run = instance.get_run_by_id(killed)
        assert run is not None and run.status == dg.DagsterRunStatus.STARTED, "so Dagster believes"
    with checkout.serve() as server:
        following = server.launch("contacts")
        wait_for(lambda: server.status(killed) == "FAILURE", NOTICED_WITHIN, server.said())
        wait_for(lambda: server.status(following) == "SUCCESS", 120, server.said())


def test_a_killed_command_makes_room_for_the_next_run(
    checkout: Checkout, sandbox: Sandbox, hanging: Callable[[], None]
) -> None:
    with checkout.shell("dagster asset materialize --select contacts") as shell:
        hanging()
        os.killpg(shell.pid, signal.SIGKILL)
    sandbox.faults.clear()
    with checkout.serve() as server:
        following = server.launch("contacts")
        wait_for(lambda: server.status(following) == "SUCCESS", NOTICED_WITHIN + 120, server.said())


def test_one_run_of_a_workspace_at_a_time_whoever_starts_it(
    checkout: Checkout, sandbox: Sandbox, hanging: Callable[[], None]
) -> None:
    with checkout.serve() as server:
        by_mouse = server.launch("contacts")
        hanging()
        others = [server.launch("companies"), server.launch(job="intercom_support")]
        # As the queue is worked off every few seconds, this is several chances.
        time.sleep(15)
        assert [server.status(run) for run in others] == ["QUEUED", "QUEUED"]
        assert server.status(by_mouse) == "STARTED"
        sandbox.faults.clear()
        server.terminate(by_mouse)
        for run in others:
            wait_for(lambda run=run: server.status(run) == "SUCCESS", 180, server.said())


def test_a_run_in_a_terminal_keeps_those_of_the_queue_waiting(
    checkout: Checkout, sandbox: Sandbox, hanging: Callable[[], None]
) -> None:
    with checkout.serve() as server:
        # Dagster learns of a pool's limit from the first run of its queue that names the pool.
        first = server.launch("teams")
        wait_for(lambda: server.status(first) == "SUCCESS", 180, server.said())
        with checkout.shell("dagster asset materialize --select contacts") as shell:
            hanging()
            queued = server.launch("tags")
            time.sleep(15)
            assert server.status(queued) == "QUEUED"
            os.killpg(shell.pid, signal.SIGINT)
            shell.wait(timeout=60)
        sandbox.faults.clear()
        wait_for(lambda: server.status(queued) == "SUCCESS", 180, server.said())
