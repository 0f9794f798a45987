"""Asset checks: what they find, and that they do not stay red."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from intercom_assets.client import IntercomClient
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets.streams.children import ChildStream
from intercom_assets.streams.nested import NestedStream
from intercom_assets.warehouse.bookkeeping import Bookkeeping
from intercom_assets_tests.conftest import Project


def results(project: Project, *streams: str, **config: bool) -> dict[str, bool]:
    """Which checks passed in a run."""
    project.checks = True
    run = project.run(*streams, **config)
    return {
        f"{check.asset_key.to_user_string()}:{check.check_name}": bool(check.passed)
        for check in run.get_asset_check_evaluations()
    }


def execute(project: Project, sql: str) -> None:
    with duckdb.connect(str(project.database)) as connection:
        connection.execute(sql)


@pytest.mark.long
def test_a_sound_table_passes_all(project: Project) -> None:
    found = results(project)
    assert all(found.values())
    assert len(found) == 35


@pytest.mark.long
def test_a_key_that_is_there_twice_is_found(sandbox: Sandbox, project: Project) -> None:
    project.run("conversations")
    execute(project, "insert into intercom.conversations from intercom.conversations")
    for conversation in sandbox.workspace.conversations:
        sandbox.workspace.update("conversations", conversation, at=sandbox.workspace.clock.now())
    # The merge replaces both rows by one, so the table is sound again.
    assert results(project, "conversations")["conversations:keys_unique"]
    execute(
        project,
        "insert into intercom.conversations "
        "select * replace (now() + interval 1 hour as _synced_at) from intercom.conversations",
    )
    assert not results(project, "conversations")["conversations:keys_unique"]


@pytest.mark.long
def test_a_bookmark_ahead_is_found(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Bookkeeping.bookmark
    assert results(project, "segments")["segments:bookmark_not_ahead"]
    monkeypatch.setattr(Bookkeeping, "bookmark", lambda self, name: original(self, name) + 3600)
    assert not results(project, "segments")["segments:bookmark_not_ahead"]


def test_fewer_rows_than_told_are_found(sandbox: Sandbox, project: Project) -> None:
    project.settings["page_size"] = 5
    sandbox.on_request = lambda request: vanish(request, sandbox)
    assert not results(project, "conversations")["conversations:total_reached"]
    sandbox.on_request = None
    assert results(project, "conversations")["conversations:total_reached"], "told once"


def vanish(request: Any, sandbox: Sandbox) -> None:
    """Has conversations vanish between the first page, which tells the total, and the others."""
    if request.path == "/conversations/search" and request.body["pagination"].get("starting_after"):
        for gone in list(sandbox.workspace.conversations)[-3:]:
            sandbox.workspace.delete("conversations", gone)


@pytest.mark.long
def test_missing_parts_are_found_once(sandbox: Sandbox, project: Project) -> None:
    conversation = next(c for c, parts in sandbox.workspace.parts.items() if 2 < len(parts) < 400)
    # Intercom counts a part that it does not give.
    statistics = sandbox.workspace.conversations[conversation]["statistics"]
    sandbox.workspace.update(
        "conversations",
        conversation,
        touch=False,
        statistics={**statistics, "count_conversation_parts": 999},
    )
    name = "conversation_parts:parts_complete"
    assert not results(project, "conversations", "conversation_parts")[name]
    sandbox.workspace.clock.advance(2)  # when parts were read is known to the second
    assert results(project, "conversations", "conversation_parts")[name], "told once"


@pytest.mark.long
def test_parts_without_their_conversation_are_found(project: Project) -> None:
    project.run("conversations", "conversation_parts")
    execute(
        project,
        "update intercom.conversation_parts set conversation_id = 'nowhere', "
        "_synced_at = now() + interval 1 hour",
    )
    assert not results(project, "conversation_parts")["conversation_parts:children_have_parents"]


@pytest.mark.long
def test_ticket_parts_that_were_told_of_and_did_not_come_are_found_once(project: Project) -> None:
    project.run("tickets")
    [[ticket]] = project.query("select min(ticket_id) from intercom.ticket_parts")
    execute(
        project,
        "update intercom.ticket_parts set ticket_total_parts = 400, "
        f"_synced_at = now() + interval 1 hour where ticket_id = '{ticket}'",
    )
    name = "ticket_parts:parts_complete"
    assert not results(project, "tickets", "ticket_parts")[name]
    # Beyond the newest 500 Intercom holds them back, which is told and no fault.
    execute(project, "update intercom.ticket_parts set _synced_at = now() - interval 1 hour")
    assert results(project, "tickets", "ticket_parts")[name], "told once"


@pytest.mark.long
def test_children_without_their_parent_are_found(project: Project) -> None:
    project.checks = True
    project.run("tickets", "newsfeeds")
    for parent in ("tickets", "newsfeeds"):
        execute(project, f"delete from intercom.{parent}")
    execute(project, "update intercom.ticket_parts set _synced_at = now() + interval 1 hour")
    # The newsfeeds are read once more, but not stored.
    found = results(project, "ticket_parts", "newsfeed_items")
    assert not found["ticket_parts:children_have_parents"]
    assert not found["newsfeed_items:children_have_parents"]
    found = results(project, "newsfeeds", "newsfeed_items")
    assert found["newsfeed_items:children_have_parents"]


def test_streams_declare_where_intercom_tells_how_many_there_are(sandbox: Sandbox) -> None:
    client = IntercomClient(
        config={"access_token": sandbox.token, "base_url": sandbox.url, "max_concurrency": 4}
    )
    told = {}
    for name, kind in STREAMS.items():
        if issubclass(kind, (ChildStream, NestedStream)) or name == "custom_object_instances":
            continue  # of a queue nobody tells the whole
        stream = kind(client)
        rows = sum(len(batch.records) for batch in stream.batches())
        told[name] = stream.total
        assert stream.total in (None, rows), name
    assert {name for name, total in told.items() if total is not None} == {
        name for name in told if STREAMS[name].tells_total
    }
