"""Runs that die: at each boundary, at any time, by kill -9 and by SIGTERM. The next run goes on."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets_tests.conftest import CORE
from intercom_assets_tests.mortal_runs import IN_PROCESS, PROCESSES, THREADS
from intercom_assets_tests.processes import Forker, forker, job_of
from intercom_assets_tests.truth import differences
from intercom_assets_tests.warehouses import (
    FILE,
    Database,
    book,
    database_of,
    opened,
    settle,
    tables,
)

Fresh = Callable[[object], Path]

TINY = {"contacts": 14, "companies": 9, "conversations": 12}
# Streams that go on in the middle; and what a page of theirs holds in these runs, see `Job`.
SEARCHED, PAGE = ("conversations", "contacts"), 5
GROUPS = [
    ("conversations", "conversation_parts"),
    ("contacts",),
    ("companies", "segments", "tags"),
]
# One of each family; what is nested in a stream is compared with it.
FAMILIES = {
    "nested": ("tickets", "ticket_parts"),
    "append": ("activity_logs",),
    "append by queue": ("contacts", "data_events"),
    "queue": ("contacts", "contact_segments"),
    "several parents a call": ("calls", "call_transcripts"),
    "newest first": ("articles", "article_versions"),
    "changed": ("macros",),
    "every parent": ("office_hours_schedules", "office_hours_exceptions"),
    "snapshot": ("teams", "team_metrics"),
}
SLOW_IN_PROCESS = pytest.param(IN_PROCESS, marks=pytest.mark.slow)


@pytest.fixture
def tiny() -> Iterator[Sandbox]:
    # What a dead run leaves open is waited for.
    with Sandbox(**TINY, scroll_page_size=4, scroll_expiry=0.2) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    with forker(tmp_path_factory.mktemp("runs")) as runs:
        yield runs


@pytest.fixture
def fresh(tmp_path: Path, at: Callable[[str], Database]) -> Fresh:
    """Makes folders, each with a warehouse of its own for the runs in it."""

    def make(name: object) -> Path:
        made = tmp_path / str(name)
        made.mkdir()
        return settle(made, at(f"{name}/warehouse.duckdb"))

    return make


def some(boundaries: range, kind: str) -> range:
    """All of them; of a lake, whose processes take seconds each, every fifth.

    How many commits and events a run there takes depends on the time, so not each has the last.
    """
    return boundaries if kind == FILE else boundaries[2 : len(boundaries) * 9 // 10 : 5]


def problems(sandbox: Sandbox, folder: Path, streams: tuple[str, ...]) -> dict[str, list[str]]:
    """Where tables and sandbox disagree; a key that is there twice is such a place."""
    database = database_of(folder)
    found = {name: differences(database, sandbox.workspace, name) for name in streams}
    return {name: list(what) for name, what in found.items() if what}


def die_and_go_on(
    runs: Forker,
    sandbox: Sandbox,
    folder: Path,
    streams: tuple[str, ...],
    boundary: int,
    executor: str = THREADS,
) -> None:
    """A run that dies at a boundary, then one that is left alone."""
    died = runs.run(job_of(sandbox, folder, *streams, die_at=boundary, executor=executor))
    assert died.signal == signal.SIGKILL
    outstanding = unread(sandbox, folder)
    searched = {name: Left(folder, name) for name in streams if name in SEARCHED}
    sandbox.reset_log()
    ended = runs.run(job_of(sandbox, folder, *streams))
    assert ended.success, ended.errors
    assert problems(sandbox, folder, streams) == {}
    for left in searched.values():
        left.check_resumed(sandbox)
    if "conversation_parts" in streams:
        # Each once: the sandbox may still be noting what the dead run had asked for.
        read = {
            r.path
            for r in sandbox.requests
            if r.path.startswith("/conversations/") and r.method == "GET"
        }
        # A run that died before it told Dagster anything is taken for one whose asset was wiped
        # since, and its one commit, here one conversation, is read once more.
        assert outstanding <= len(read) <= outstanding + 1


class Left:
    """What a dead run left of a stream that is searched.

    Attributes:
        stream: The stream.
        state: What is known to be stored; None if nothing is.
        stored: The keys in the table.
    """

    def __init__(self, folder: Path, stream: str) -> None:
        self.stream = stream
        states = _rows(folder, "_sync_state", stream, "select state from {} where stream = ?")
        keys = _rows(folder, stream, stream, "select id from {}")
        state = states[0][0] if states else None
        # A run that died before it told Dagster anything is taken for one whose asset was wiped.
        self.state = json.loads(state) if state and _was_told(folder, stream) else None
        self.stored = {row[0] for row in keys}

    def check_resumed(self, sandbox: Sandbox) -> None:
        """The next run asked for what was missing, and for not more than a page that was not."""
        asked = [r.body for r in sandbox.requests if r.path == f"/{self.stream}/search"]
        fresh = [body["query"]["value"] for body in asked if not _cursor(body)]
        starts_over = any(after["value"] == 0 for after, *_ in fresh)
        assert starts_over == (self.state is None)
        walks = self.state["walks"] if self.state else []
        assert {walk["cursor"] for walk in walks} <= {_cursor(body) for body in asked}
        if self.stream == "conversations":
            held = sandbox.workspace.conversations.items()
            moments = {id: parse_epoch(held["updated_at"]) or 0 for id, held in held}
            again = {id for id in self.stored if any(_meets(q, moments[id]) for q in fresh)}
            assert len(again) <= PAGE


def _rows(folder: Path, table: str, stream: str, sql: str) -> list[Any]:
    """Rows of a table, or of our own one for a stream, if a run came to make it."""
    database = database_of(folder)
    if isinstance(database, Path) and not database.exists():
        return []
    name = book(database, table, stream) if table.startswith("_") else f"intercom.{table}"
    with opened(database) as connection:
        if name.split(".")[1] not in tables(connection):
            return []
        values = [stream] if "?" in sql else []
        return connection.execute(sql.format(name), values).fetchall()


def _was_told(folder: Path, stream: str) -> bool:
    """Whether Dagster knows how far a stream is."""
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        key = dg.AssetKey(stream)
        found = (
            instance.fetch_observations(key, limit=1),
            instance.fetch_materializations(key, limit=1),
        )
        return any(result.records for result in found)


def _cursor(body: Any) -> str | None:
    return body["pagination"].get("starting_after")


def _meets(query: list[Any], moment: int) -> bool:
    after, *before = query
    return moment > after["value"] and all(moment < part["value"] for part in before)


def unread(sandbox: Sandbox, folder: Path) -> int:
    """Conversations whose parts are not stored: what the next run has to read, and not more."""
    # What was read within a minute of its change is read once more in any case.
    settled = "select 1 from {} where fetched_at >= updated_at + interval 60 second"
    return len(sandbox.workspace.conversations) - len(
        _rows(folder, "_ledger", "conversation_parts", settled)
    )


def boundaries(
    runs: Forker, sandbox: Sandbox, fresh: Fresh, streams: tuple[str, ...], executor: str = THREADS
) -> int:
    """How many boundaries a run passes that nothing happens to."""
    ended = runs.run(job_of(sandbox, fresh("whole"), *streams, executor=executor))
    assert ended.success
    return ended.boundaries


@pytest.mark.long
@pytest.mark.parametrize("executor", [THREADS, SLOW_IN_PROCESS])
def test_killed_at_some_boundaries_the_next_run_continues(
    runs: Forker, tiny: Sandbox, fresh: Fresh, executor: str
) -> None:
    streams = GROUPS[0]
    whole = boundaries(runs, tiny, fresh, streams, executor)
    for boundary in range(whole // 4, whole, whole // 2):
        die_and_go_on(runs, tiny, fresh(boundary), streams, boundary, executor)


@pytest.mark.slow
@pytest.mark.every_kind
@pytest.mark.parametrize("executor", [THREADS, IN_PROCESS])
@pytest.mark.parametrize("streams", GROUPS)
def test_killed_at_each_boundary_the_next_run_continues(
    runs: Forker,
    tiny: Sandbox,
    fresh: Fresh,
    streams: tuple[str, ...],
    executor: str,
    warehouse_kind: str,
) -> None:
    whole = boundaries(runs, tiny, fresh, streams, executor)
    for boundary in some(range(whole), warehouse_kind):
        die_and_go_on(runs, tiny, fresh(boundary), streams, boundary, executor)


@pytest.mark.slow
@pytest.mark.every_kind
@pytest.mark.parametrize("family", list(FAMILIES))
def test_whatever_the_family_killed_at_boundaries_the_next_run_continues(
    runs: Forker, tiny: Sandbox, fresh: Fresh, family: str, warehouse_kind: str
) -> None:
    streams = FAMILIES[family]
    whole = boundaries(runs, tiny, fresh, streams)
    for boundary in some(range(whole % 7, whole, whole // 10), warehouse_kind):
        die_and_go_on(runs, tiny, fresh(boundary), streams, boundary)


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["conversation_parts", "contacts", "companies"])
def test_a_step_process_killed_at_each_boundary_the_next_run_continues(
    runs: Forker, tiny: Sandbox, fresh: Fresh, stream: str
) -> None:
    """With the multiprocess executor. The run itself lives and tells that the step is dead."""
    for boundary in count():
        folder = fresh(boundary)
        assert runs.run(job_of(tiny, folder, "conversations")).success
        wanted: dict[str, Any] = {"executor": PROCESSES, "commit_rows": 8}
        died = runs.run(job_of(tiny, folder, stream, die_at=boundary, **wanted))
        if died.success:
            break
        assert died.signal == 0 and "ChildProcessCrashException" in died.errors
        assert runs.run(job_of(tiny, folder, stream, **wanted)).success
        assert problems(tiny, folder, (stream,)) == {}
    assert boundary > 10


@pytest.mark.slow
def test_a_run_and_its_step_processes_killed_at_random_times_the_next_run_continues(
    runs: Forker, tiny: Sandbox, fresh: Fresh
) -> None:
    began = time.monotonic()
    wanted: dict[str, Any] = {"executor": PROCESSES, "commit_rows": 8}
    assert runs.run(job_of(tiny, fresh("whole"), *CORE, **wanted)).success
    whole = time.monotonic() - began
    dice = random.Random(5)
    died = attempt = 0
    # How long a run takes depends on what else the machine does: some are over before they die.
    while died < 20 and (attempt := attempt + 1) < 60:
        folder = fresh(attempt)
        running = runs.start(job_of(tiny, folder, *CORE, **wanted))
        time.sleep(dice.uniform(whole / 3, whole))
        running.kill_group()
        died += running.wait().signal == signal.SIGKILL
        assert runs.run(job_of(tiny, folder, *CORE)).success
        assert problems(tiny, folder, tuple(CORE)) == {}
    assert died == 20


@pytest.mark.slow
@pytest.mark.every_kind
def test_killed_at_each_boundary_of_an_increment(
    runs: Forker, tiny: Sandbox, fresh: Fresh, warehouse_kind: str
) -> None:
    """The database and the event store live on from death to death."""
    streams, folder = (*GROUPS[0], *GROUPS[1]), fresh("increments")
    assert runs.run(job_of(tiny, folder, *streams)).success
    boundary = 0
    while True:
        tiny.workspace.clock.advance(3_600)
        tiny.workspace.change(4)
        ended = runs.run(job_of(tiny, folder, *streams, die_at=boundary))
        if ended.signal == 0:
            break
        boundary += 1 if warehouse_kind == FILE else 5
    assert boundary > 20
    assert problems(tiny, folder, streams) == {}


@pytest.mark.slow
@pytest.mark.parametrize("executor", [THREADS, IN_PROCESS])
def test_killed_at_twenty_random_times_the_next_run_continues(
    runs: Forker, tiny: Sandbox, fresh: Fresh, executor: str
) -> None:
    streams, wanted = tuple(CORE), {"executor": executor}
    began = time.monotonic()
    assert runs.run(job_of(tiny, fresh("whole"), *streams, **wanted)).success
    whole = time.monotonic() - began
    dice = random.Random(20)
    died = attempt = 0
    while died < 20 and (attempt := attempt + 1) < 60:
        folder = fresh(attempt)
        running = runs.start(job_of(tiny, folder, *streams, **wanted))
        time.sleep(dice.uniform(0, whole))
        running.kill()
        died += running.wait().signal == signal.SIGKILL
        assert runs.run(job_of(tiny, folder, *streams)).success
        assert problems(tiny, folder, streams) == {}
    assert died == 20


@pytest.mark.long
def test_companies_start_over_after_a_kill(runs: Forker, tiny: Sandbox, tmp_path: Path) -> None:
    """A dead run's scroll stays open until it expires, and is waited for."""
    tiny.scroll_expiry = 0.5
    tiny.faults.append(Fault("stall", match="scroll_param", after=1, times=1))
    running = runs.start(job_of(tiny, tmp_path, "companies"))
    while not tiny.faults[0].fired:
        time.sleep(0.005)
    running.kill()
    assert running.wait().signal == signal.SIGKILL
    assert runs.run(job_of(tiny, tmp_path, "companies")).success
    assert problems(tiny, tmp_path, ("companies",)) == {}


@pytest.mark.long
@pytest.mark.parametrize("stream", SEARCHED)
def test_a_search_goes_on_from_what_is_stored_after_a_kill(
    runs: Forker, tiny: Sandbox, tmp_path: Path, stream: str
) -> None:
    tiny.faults.append(Fault("stall", match=f"/{stream}/search", after=2, times=1))
    running = runs.start(job_of(tiny, tmp_path, stream))
    while not (tiny.faults[0].fired and _was_told(tmp_path, stream)):
        time.sleep(0.02)
    running.kill()
    assert running.wait().signal == signal.SIGKILL
    left = Left(tmp_path, stream)
    assert left.stored and left.state
    assert [bool(walk["cursor"]) for walk in left.state["walks"]] == [True] * (stream == "contacts")
    tiny.reset_log()
    assert runs.run(job_of(tiny, tmp_path, stream)).success
    left.check_resumed(tiny)
    assert problems(tiny, tmp_path, (stream,)) == {}


@pytest.mark.slow
def test_an_orphan_of_a_killed_run_does_no_harm(runs: Forker, tmp_path: Path) -> None:
    """The run is killed, its step process lives on, and the next run does not wait for it."""
    streams = ("conversations", "conversation_parts")
    with Sandbox(contacts=5, companies=3, conversations=150) as sandbox:
        large: dict[str, Any] = {"commit_rows": 10_000, "io_manager": {"patience": 0.0}}
        assert runs.run(job_of(sandbox, tmp_path, streams[0], **large)).success
        # The orphan has seconds to go, the next run asks for many at once.
        sandbox.latency = 0.1
        sandbox.reset_log()
        slow: dict[str, Any] = {"executor": PROCESSES, "settings": {"max_concurrency": 2}}
        running = runs.start(job_of(sandbox, tmp_path, streams[1], **slow))
        try:
            _wait_for_calls(sandbox, 4)
            running.kill()
            assert running.wait().signal == signal.SIGKILL
            sandbox.reset_log()
            # More than were in flight.
            _wait_for_calls(sandbox, 4)
            ended = runs.run(job_of(sandbox, tmp_path, streams[1], **large))
            assert ended.success and "taking over" in ended.log, ended
            owner = _rows(tmp_path, "_sync_state", "conversation_parts", OWNERS)
            assert problems(sandbox, tmp_path, streams) == {}
            orphans_end = _failure(tmp_path)
        finally:
            running.kill_group()
        assert f"taken over by run {owner[0][0]}" in orphans_end
        assert _rows(tmp_path, "_sync_state", "conversation_parts", OWNERS) == owner
        assert problems(sandbox, tmp_path, streams) == {}


OWNERS = "select owner, run_id, state from {} where stream = ?"


def _wait_for_calls(sandbox: Sandbox, count: int) -> None:
    deadline = time.monotonic() + 60
    while sandbox.count("/conversations/") < count:
        assert time.monotonic() < deadline, "nobody asks"
        time.sleep(0.01)


def _failure(folder: Path) -> str:
    """Why a step failed, once one has."""
    deadline = time.monotonic() + 60
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        while True:
            for run in instance.get_runs():
                for entry in instance.all_logs(
                    run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
                ):
                    assert entry.dagster_event
                    return str(entry.dagster_event.step_failure_data.user_failure_data)
            assert time.monotonic() < deadline, "no step fails"
            time.sleep(0.05)


@pytest.mark.parametrize(
    "executor", [THREADS, SLOW_IN_PROCESS, pytest.param(PROCESSES, marks=pytest.mark.slow)]
)
@pytest.mark.slow
def test_sigterm_with_requests_in_flight_ends_the_run_and_is_not_retried(
    runs: Forker, tmp_path: Path, executor: str
) -> None:
    with Sandbox(contacts=5, companies=3, conversations=60) as sandbox:
        streams = ("conversations", "conversation_parts")
        assert runs.run(job_of(sandbox, tmp_path, "conversations")).success
        sandbox.faults.append(Fault("stall", match=r"/conversations/\d", after=15))
        # Nothing is due to be committed, so the run is waiting for answers when the signal comes.
        wanted: dict[str, Any] = {"max_retries": 2, "commit_rows": 10_000, "executor": executor}
        running = runs.start(job_of(sandbox, tmp_path, *streams, **wanted))
        while sandbox.count("/conversations/") - sandbox.count("/conversations/search") < 15 + 30:
            time.sleep(0.005)
        running.kill(signal.SIGTERM)
        # The requests in flight would take an hour.
        ended = running.wait(seconds=10)
        assert not ended.success
        assert "DagsterExecutionInterruptedError" in ended.errors
        assert "STEP_UP_FOR_RETRY" not in ended.log
        sandbox.faults.clear()
        sandbox.reset_log()
        assert runs.run(job_of(sandbox, tmp_path, *streams)).success
        assert problems(sandbox, tmp_path, streams) == {}


def test_a_process_does_not_wait_for_a_request_that_hangs() -> None:
    code = (
        "from intercom_assets.threads.crews import in_background\n"
        "import threading\nin_background(threading.Event().wait)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_machine_whose_clock_is_wrong_misses_nothing(
    runs: Forker, tiny: Sandbox, tmp_path: Path, hours: int
) -> None:
    """Intercom's clock is an hour from this machine's; only Intercom's counts."""
    streams = ("conversations", "conversation_parts", "contacts")
    tiny.workspace.clock.advance(hours * 3_600)
    for _ in range(3):
        assert runs.run(job_of(tiny, tmp_path, *streams)).success
        tiny.workspace.clock.advance(120)
        tiny.workspace.change(4)
    assert runs.run(job_of(tiny, tmp_path, *streams)).success
    assert problems(tiny, tmp_path, streams) == {}
