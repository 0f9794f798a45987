"""Runs of several machines take turns at a stream by a lease that stands in the warehouse."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing, lease
from intercom_assets.warehouse.errors import OwnershipLost
from intercom_assets.warehouse.lease import Turn, beating
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.test_rules_guards import MERGED, MONDAY, Things, things

pytestmark = pytest.mark.every_kind

__all__ = ["things"]  # a fixture

BATCH = Batch([{"id": "1", "name": "a", "updated_at": MONDAY}], SyncState())


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.02)


@pytest.fixture
def on(things: Things) -> Callable[..., Landing]:
    """Claims the stream for a run of a machine."""

    def claim(machine: str, patience: float = 60, say: Any = print) -> Landing:
        turn = Turn(machine, patience, say)
        return Landing(things.warehouse, "things", MERGED, "workspace", machine, turn=turn)

    return claim


def held(things: Things) -> bool:
    [(is_held,)] = things.query(f"select leased_until > now() from {things.book('_sync_state')}")
    return bool(is_held)


def expire(things: Things) -> None:
    states = things.book("_sync_state")
    things.query(f"update {states} set leased_until = now() - interval 1 second")


def test_a_run_of_another_machine_waits_until_the_stream_is_given_up(
    things: Things, on: Callable[..., Landing]
) -> None:
    first, said = on("east"), []
    claimed = threading.Event()

    def come() -> None:
        on("west", say=said.append)
        claimed.set()

    second = threading.Thread(target=come)
    second.start()
    assert not claimed.wait(0.2)
    first.commit([BATCH])
    assert said == ["things: waiting: run east (east) is writing it"]
    first.give_up()
    assert claimed.wait(10)
    second.join()


def test_a_dead_machines_stream_is_taken_over_and_a_slow_one_commits_no_more(
    things: Things, on: Callable[..., Landing]
) -> None:
    first = on("east")
    first.commit([BATCH])
    assert held(things)
    expire(things)
    second = on("west")
    with pytest.raises(OwnershipLost, match="taken over by run west"):
        first.commit([BATCH])
    first.beat()
    first.give_up()
    assert held(things), "who owns it no more cannot end another's lease"
    second.commit([BATCH])


def test_a_lease_of_ones_own_place_is_of_a_run_that_is_over(
    things: Things, on: Callable[..., Landing]
) -> None:
    on("east")
    began = time.monotonic()
    on("east").commit([BATCH])
    assert time.monotonic() - began < 2


def test_a_run_that_waits_for_intercom_keeps_its_lease(
    things: Things, on: Callable[..., Landing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.warehouse.landing.BEAT_SECONDS", 0.0)
    first = on("east")
    expire(things)
    with beating(first.beat, every=0.01):
        deadline = time.monotonic() + 10
        while not held(things):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_an_owner_whose_clock_is_ahead_is_dead_once_it_shows_no_sign_of_life(
    things: Things, on: Callable[..., Landing], monkeypatch: pytest.MonkeyPatch
) -> None:
    on("east")
    states = things.book("_sync_state")
    things.query(f"update {states} set leased_until = now() + interval 1 day")
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.1)
    on("west")


def test_patience_ends(things: Things, on: Callable[..., Landing]) -> None:
    on("east")
    said: list[str] = []
    on("west", 0.1, said.append)
    assert said[-1] == "run east has not finished in 0 s; taking over"


def test_a_run_that_ends_well_or_not_leaves_no_lease(sandbox: Sandbox, project: Project) -> None:
    def leased(*streams: str) -> list[Any]:
        query = "select leased_until from {} where stream = ?"
        states = [query.format(project.book("_sync_state", stream)) for stream in streams]
        return [project.query(sql, name) for sql, name in zip(states, streams, strict=True)]

    project.run("tags", "tickets")
    assert leased("tags", "tickets", "ticket_parts") == [[(None,)]] * 3
    sandbox.faults.append(Fault("status", match="/tags", status=400))
    assert not project.run("tags", raise_on_error=False).success
    assert leased("tags") == [[(None,)]]


@pytest.mark.long
@pytest.mark.file_only
def test_a_file_of_an_earlier_release_keeps_its_state(sandbox: Sandbox, project: Project) -> None:
    project.run("conversations", "conversation_parts")
    for column in ("holder", "heartbeat_at", "leased_until"):
        project.query(f"alter table intercom._sync_state drop column {column}")
    project.query("alter table intercom._layout drop column source")
    sandbox.reset_log()
    project.run("conversations", "conversation_parts")
    assert project.metadata("conversations")["intercom/bookmark_before"]
    assert not [r for r in sandbox.requests if r.method == "GET" and "/conversations/" in r.path]
    assert project.query("select source from intercom._layout") == project.query(
        "select distinct source from intercom._sync_state"
    )
