"""What a run is done with it lets go, however long it goes on."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from intercom_assets.client import IntercomClient
from intercom_assets.client.transport import Transport
from intercom_assets.sandbox import Sandbox
from intercom_assets.warehouse.buffer import Buffer
from intercom_assets.warehouse.landing import Landing
from intercom_assets_tests.conftest import Project

CALLS = 50
EVERYTHING = {"field": "updated_at", "operator": ">", "value": 0}


@pytest.fixture
def no_collections() -> Iterator[None]:
    """Python's own rounds stay away, as they nearly do while a stream is written."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collections")
def test_a_call_leaves_nothing_to_the_garbage_collector(client: IntercomClient) -> None:
    client.get("/me")
    gc.collect()
    for _ in range(CALLS):
        client.get("/me")
        client.post("/contacts/search", {"query": EVERYTHING}, tries=2)
    assert gc.collect() < CALLS


@pytest.mark.usefixtures("no_collections")
@pytest.mark.slow
def test_the_rows_of_a_commit_go_with_it(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster's event storage handles an error at each event, and that holds on to its callers."""
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    monkeypatch.setattr("intercom_assets.writer.OBSERVATION_SECONDS", 0.0)
    project.settings["page_size"] = 2
    store, held = Landing.store, []

    def count(landing: Landing, buffer: Buffer) -> None:
        held.append(sum(isinstance(found, Buffer) for found in gc.get_objects()))
        store(landing, buffer)

    monkeypatch.setattr(Landing, "store", count)
    project.run("conversations")
    assert len(held) > 8
    # The one under way and the next one, and perhaps the last one whose frames are not gone yet.
    assert max(held) <= 3


@pytest.mark.slow
def test_commits_have_threads_of_their_own(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: set[int] = set()
    writers: set[int] = set()
    send, store = Transport.send, Landing.store

    def note_reader(transport: Transport, *args: Any, **options: Any) -> Any:
        readers.add(threading.get_ident())
        return send(transport, *args, **options)

    def note_writer(landing: Landing, buffer: Buffer) -> None:
        writers.add(threading.get_ident())
        store(landing, buffer)

    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    monkeypatch.setattr(Transport, "send", note_reader)
    monkeypatch.setattr(Landing, "store", note_writer)
    project.settings["page_size"] = 2
    project.run("contacts", "conversations")
    assert readers and writers
    assert not readers & writers
