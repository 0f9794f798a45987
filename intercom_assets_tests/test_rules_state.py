"""Rules 1, 2, 8, 11 and 13 of the design: state, bookmarks, ownership, full refresh."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import formatdate
from typing import Any

import dagster as dg
import pytest

from intercom_assets.extraction import Extraction
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.sandbox.gateway import Gateway
from intercom_assets.streams import STREAMS
from intercom_assets.streams.timestamps import parse_epoch, to_iso
from intercom_assets_tests.conftest import Project

pytestmark = pytest.mark.every_kind

HOUR, DAY = 3_600, 86_400


def bodies(sandbox: Sandbox, path: str) -> list[Any]:
    return [request.body for request in sandbox.requests if request.path.startswith(path)]


def report(project: Project, stream: str, **metadata: Any) -> None:
    """What Dagster's UI does at "Report materialization"."""
    project.instance.report_runless_asset_event(
        dg.AssetMaterialization(
            stream, metadata={k.replace("__", "/"): v for k, v in metadata.items()}
        )
    )


def stored_run(project: Project, stream: str) -> str:
    return str(
        project.query(
            f"select run_id from {project.book('_sync_state', stream)} where stream = ?", stream
        )[0][0]
    )


def test_rule_1_state_is_committed_with_the_rows_and_published_after_them(
    sandbox: Sandbox, project: Project
) -> None:
    project.settings["page_size"] = 5
    project.run("conversations")
    published = project.bookmark("conversations")
    states = project.book("_sync_state", "conversations")
    state = project.query(f"select state from {states} where stream = 'conversations'")
    assert published in state[0][0]


@pytest.mark.long
def test_rule_1_a_failed_run_keeps_what_it_committed_and_publishes_no_materialization(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    project.settings["page_size"] = 5
    sandbox.faults.append(Fault("status", status=500, match="/conversations/search", after=2))
    result = project.run("conversations", raise_on_error=False)
    assert not result.success
    key = dg.AssetKey("conversations")
    assert project.instance.get_latest_materialization_event(key) is None
    [(kept,)] = project.query("select count(*) from intercom.conversations")
    assert 5 <= kept <= 10, "two pages arrived"
    # Progress is an observation: it starts nothing downstream.
    assert project.instance.fetch_observations(key, limit=1).records
    sandbox.faults.clear()
    sandbox.reset_log()
    project.run("conversations")
    assert project.differences("conversations") == {}
    first_page = _oldest(sandbox, "conversations", 5)
    newest = max(parse_epoch(record["updated_at"]) or 0 for record in first_page)
    asked = [
        body["query"]["value"][0]["value"] for body in bodies(sandbox, "/conversations/search")
    ]
    assert min(asked) > newest - HOUR, "the second run went on where the first one stopped"


def _oldest(sandbox: Sandbox, collection: str, n: int) -> list[dict[str, Any]]:
    held = getattr(sandbox.workspace, collection).values()
    return sorted(held, key=lambda record: record["updated_at"])[:n]


def test_rule_2_second_runs_are_incremental_with_one_event_store(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations")
    sandbox.reset_log()
    project.run("conversations")
    assert len(bodies(sandbox, "/conversations/search")) == 1
    assert project.metadata("conversations")["intercom/records"] <= 5


@pytest.mark.long
def test_rule_2_second_runs_are_incremental_without_the_event_store(
    sandbox: Sandbox, make_project: Callable[..., Project]
) -> None:
    streams = ("conversations", "conversation_parts", "contacts")
    make_project(sandbox).run(*streams)
    space = sandbox.workspace
    space.clock.advance(HOUR)
    # No company: those in a contact are as they were when the contact changed.
    space.update("contacts", next(iter(space.contacts)), name="changed")
    space.add_part(next(iter(space.conversations)))
    for collection in ("contacts", "conversations"):
        space.create(collection)
    space.clock.advance(HOUR)
    other = make_project(sandbox)  # another, empty event store on the same database
    other.run(*streams)
    assert other.metadata("conversations")["intercom/records"] <= 5
    assert other.metadata("contacts")["intercom/records"] <= 5
    assert other.differences(*streams) == {}


@pytest.mark.long
@pytest.mark.file_only
def test_rule_2_a_deleted_database_is_loaded_in_full(sandbox: Sandbox, project: Project) -> None:
    project.run("conversations", "conversation_parts")
    project.database.unlink()
    project.run("conversations", "conversation_parts")
    assert project.differences("conversations", "conversation_parts") == {}


@pytest.mark.long
def test_rule_2_a_dropped_table_is_loaded_in_full(sandbox: Sandbox, project: Project) -> None:
    project.run("conversations", "conversation_parts")
    project.query("drop table intercom.conversation_parts")
    project.run("conversations", "conversation_parts")
    assert project.differences("conversations", "conversation_parts") == {}


@pytest.mark.long
@pytest.mark.file_only
def test_rule_2_an_older_copy_of_the_database_is_filled_up(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations", "conversation_parts", "contacts")
    copy = project.database.with_suffix(".copy")
    shutil.copy(project.database, copy)
    sandbox.workspace.clock.advance(5 * DAY)
    sandbox.workspace.change(15)
    project.run("conversations", "conversation_parts", "contacts")
    sandbox.workspace.clock.advance(5 * DAY)
    shutil.copy(copy, project.database)
    project.run("conversations", "conversation_parts", "contacts")
    assert project.differences("conversations", "conversation_parts", "contacts") == {}


@pytest.mark.long
def test_rule_2_the_state_wins_when_it_is_ahead_of_the_events(
    sandbox: Sandbox, project: Project
) -> None:
    """A crash after the commit and before the event leaves the events behind."""
    project.run("conversations")
    old = project.bookmark("conversations")
    sandbox.workspace.clock.advance(DAY)
    project.run("conversations")
    run_id = stored_run(project, "conversations")
    project.instance.delete_run(run_id)
    assert project.bookmark("conversations") == old
    sandbox.reset_log()
    project.run("conversations")
    asked = bodies(sandbox, "/conversations/search")[0]["query"]["value"][0]["value"]
    assert asked > (parse_epoch(old) or 0) + HOUR


def test_rule_2_a_report_without_the_key_changes_nothing(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations")
    for _ in range(60):  # more than a page of events
        report(project, "conversations", note="looks good")
    project.run("conversations")
    assert project.metadata("conversations")["intercom/records"] <= 5


@pytest.mark.long
def test_rule_2_a_reported_bookmark_sets_the_start_back_once(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations", "conversation_parts")
    back = min(c["updated_at"] for c in sandbox.workspace.conversations.values())
    for stream in ("conversations", "conversation_parts"):
        report(project, stream, intercom__bookmark=datetime.fromtimestamp(back).isoformat() + "Z")
    project.run("conversations", "conversation_parts")
    everything = len(sandbox.workspace.conversations)
    assert project.metadata("conversations")["intercom/records"] == everything
    assert project.metadata("conversation_parts")["intercom/calls"] >= everything - 1
    project.run("conversations", "conversation_parts")
    assert project.metadata("conversations")["intercom/records"] <= 5
    assert project.metadata("conversation_parts")["intercom/calls"] <= 5


@pytest.mark.long
def test_rule_2_a_reported_bookmark_is_obeyed_once_even_if_the_run_then_fails(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("conversations")
    report(project, "conversations", intercom__bookmark="2000-01-01")
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    monkeypatch.setattr("intercom_assets.writer.OBSERVATION_SECONDS", 1e9)
    project.settings["page_size"] = 5
    sandbox.faults.append(Fault("status", status=500, match="/conversations/search", after=3))
    assert not project.run("conversations", raise_on_error=False).success
    sandbox.faults.clear()
    project.run("conversations")
    assert 0 < project.metadata("conversations")["intercom/records"] <= 15
    assert project.differences("conversations") == {}


def test_rule_2_a_bookmark_reported_ahead_leaves_no_gap(sandbox: Sandbox, project: Project) -> None:
    project.run("conversations")
    sandbox.workspace.change(10)
    report(project, "conversations", intercom__bookmark="2999-01-01T00:00:00Z")
    project.run("conversations")
    assert project.differences("conversations") == {}


@pytest.mark.long
@pytest.mark.parametrize("stream", ["conversations", "contacts"])
def test_rule_2_a_stored_state_ahead_is_not_trusted(
    sandbox: Sandbox, project: Project, caplog: pytest.LogCaptureFixture, stream: str
) -> None:
    """Of a restored database, or one somebody wrote into: how much of it is true, nobody knows."""
    project.run(stream)
    states = project.book("_sync_state", stream)
    state = json.loads(project.query(f"select state from {states} where stream = ?", stream)[0][0])
    state["complete"][-1][1] = "2999-01-01T00:00:00Z"
    project.query(f"update {states} set state = ? where stream = ?", json.dumps(state), stream)
    for ident in list(getattr(sandbox.workspace, stream))[:5]:
        sandbox.workspace.update(stream, ident, custom_attributes={"changed": True})
    project.run(stream)
    assert project.differences(stream) == {}
    assert "2999-01-01T00:00:00Z, which is still to come" in caplog.text
    assert project.bookmark(stream) < "2999"


def test_rule_2_a_date_that_is_wrong_once_leaves_no_gap(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Intercom answers from many machines; the first answer of the run comes from one ahead."""
    wrong = [formatdate(sandbox.workspace.clock.now() + HOUR, usegmt=True)]
    right = Gateway._http_date
    monkeypatch.setattr(Gateway, "_http_date", lambda it: wrong.pop() if wrong else right(it))
    project.run("conversations", "companies")
    assert not wrong
    now = to_iso(int(sandbox.workspace.clock.now())) or ""
    assert project.bookmark("conversations") <= now
    assert project.bookmark("companies") <= now


def test_rule_2_a_reported_bookmark_that_is_no_date_is_refused(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations")
    report(project, "conversations", intercom__bookmark="yesterday")
    result = project.run("conversations", raise_on_error=False)
    failure = result.failure_data_for_node("conversations")
    assert failure is not None
    assert "yesterday" in str(failure.user_failure_data)


@pytest.mark.long
def test_rule_2_a_wiped_asset_starts_over(sandbox: Sandbox, project: Project) -> None:
    project.run("conversations", "conversation_parts")
    for stream in ("conversations", "conversation_parts"):
        project.instance.wipe_assets([dg.AssetKey(stream)])
    project.run("conversations", "conversation_parts")
    everything = len(sandbox.workspace.conversations)
    assert project.metadata("conversations")["intercom/records"] == everything
    assert project.metadata("conversation_parts")["intercom/calls"] >= everything
    project.run("conversations", "conversation_parts")
    assert project.metadata("conversations")["intercom/records"] <= 5


def test_rule_8_an_earlier_start_date_is_a_gap_to_fill(sandbox: Sandbox, project: Project) -> None:
    changed = sorted(c["updated_at"] for c in sandbox.workspace.conversations.values())
    middle = changed[len(changed) // 2]
    project.run("conversations", start_date=datetime.fromtimestamp(middle).isoformat() + "Z")
    count = project.query("select count(*) from intercom.conversations")[0][0]
    assert count == sum(moment >= middle for moment in changed)
    sandbox.reset_log()
    project.run("conversations")
    assert project.differences("conversations") == {}
    assert project.metadata("conversations")["intercom/inserted"] == len(changed) - count


def test_rule_8_a_run_claims_nothing_after_its_own_start(
    sandbox: Sandbox, project: Project
) -> None:
    """A record that changes while pages are read must not be missed by the next run."""
    project.settings["page_size"] = 5
    started = sandbox.workspace.clock.now()
    seen = []

    def later(request: Any) -> None:
        if request.path == "/conversations/search" and len(seen) < 3:
            seen.append(request)
            sandbox.workspace.clock.advance(2 * HOUR)
            first = _oldest(sandbox, "conversations", 1)[0]["id"]
            sandbox.workspace.update("conversations", first, title=f"changed {len(seen)}")

    sandbox.on_request = later
    project.run("conversations")
    sandbox.on_request = None
    assert (parse_epoch(project.bookmark("conversations")) or 0) <= started + 5
    project.run("conversations")
    assert project.differences("conversations") == {}


def test_rule_8_the_machines_clock_does_not_matter(sandbox: Sandbox, project: Project) -> None:
    sandbox.workspace.clock.advance(-HOUR)  # Intercom's clock is an hour behind ours
    project.run("conversations")
    behind = parse_epoch(project.bookmark("conversations")) or 0
    assert abs(behind - sandbox.workspace.clock.now()) < 60


def test_rule_11_a_run_that_was_taken_over_commits_no_more(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run comes and goes while the first one waits for its second page."""
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    project.settings["page_size"] = 5
    other = Project(sandbox, project.database, project.instance, {}, {"patience": 0.0})
    read, ended = Extraction.batches, []

    def interrupted(*args: Any) -> Iterator[Any]:
        batches = read(*args)
        yield next(batches)
        if threading.current_thread() is threading.main_thread():
            second = threading.Thread(target=lambda: ended.append(other.run("conversations")))
            second.start()
            second.join()
        yield from batches

    monkeypatch.setattr(Extraction, "batches", interrupted)
    first = project.run("conversations", raise_on_error=False)
    [second] = ended
    assert second.success
    failure = first.failure_data_for_node("conversations")
    assert failure is not None
    assert f"taken over by run {second.run_id}" in str(failure.user_failure_data)
    assert stored_run(project, "conversations") == second.run_id
    assert project.differences("conversations") == {}


def test_rule_11_another_workspaces_data_is_refused(
    sandbox: Sandbox, project: Project, make_project: Callable[..., Project]
) -> None:
    project.run("tags")
    with Sandbox(id_code="another", contacts=5, companies=5, conversations=5) as elsewhere:
        result = make_project(elsewhere).run("tags", "contacts", raise_on_error=False)
    for stream in ("tags", "contacts"):
        failure = result.failure_data_for_node(stream)
        assert failure is not None
        assert "sandbox1" in str(failure.user_failure_data)
    assert project.differences("tags") == {}


@pytest.mark.long
@pytest.mark.parametrize("stream", ["conversations", "contacts"])
def test_rule_13_a_full_refresh_removes_what_is_gone(
    sandbox: Sandbox, project: Project, stream: str
) -> None:
    project.run(stream)
    gone = next(iter(getattr(sandbox.workspace, stream)))
    sandbox.workspace.delete(stream, gone)
    project.run(stream)
    assert project.differences(stream) == {stream: [f"{gone} is there, but not at the source"]}
    project.run(stream, full_refresh=True)
    assert project.differences(stream) == {}
    assert project.metadata(stream)["intercom/deleted"] == 1


@pytest.mark.long
def test_rule_13_an_interrupted_full_refresh_goes_on_unasked(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    project.settings["page_size"] = 5
    project.run("conversations")
    gone = _oldest(sandbox, "conversations", 1)[0]["id"]
    sandbox.workspace.delete("conversations", gone)
    sandbox.faults.append(Fault("status", status=500, match="/conversations/search", after=2))
    assert not project.run("conversations", full_refresh=True, raise_on_error=False).success
    sandbox.faults.clear()
    project.run("conversations")
    assert project.differences("conversations") == {}


@pytest.mark.long
def test_rule_13_a_record_that_moves_during_a_full_refresh_is_not_swept(
    sandbox: Sandbox, project: Project
) -> None:
    project.settings["page_size"] = 5
    project.run("conversations")
    seen = []

    def touch_oldest_unread(request: Any) -> None:
        if request.path == "/conversations/search":
            seen.append(request)
            newest = sorted(
                sandbox.workspace.conversations.values(), key=lambda record: record["updated_at"]
            )[-1]["id"]
            sandbox.workspace.update("conversations", newest, title=f"moved {len(seen)}")

    sandbox.on_request = touch_oldest_unread
    project.run("conversations", full_refresh=True)
    sandbox.on_request = None
    assert project.metadata("conversations")["intercom/deleted"] == 0
    project.run("conversations")
    assert project.differences("conversations") == {}


@pytest.mark.long
def test_rule_13_a_sweep_of_more_than_a_fifth_is_refused(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("companies")
    for gone in list(sandbox.workspace.companies)[:10]:
        sandbox.workspace.delete("companies", gone)
    rows = project.query("select count(*) from intercom.companies")
    result = project.run("companies", full_refresh=True, raise_on_error=False)
    failure = result.failure_data_for_node("companies")
    assert failure is not None
    assert "allow_shrink" in str(failure.user_failure_data)
    assert project.query("select count(*) from intercom.companies") == rows
    project.run("companies", full_refresh=True, allow_shrink=True)
    assert project.differences("companies") == {}


@pytest.mark.long
def test_rule_13_a_full_refresh_of_parts_refetches_all_and_removes_none(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations", "conversation_parts")
    rows = project.query("select count(*) from intercom.conversation_parts")
    conversation = next(c for c, parts in sandbox.workspace.parts.items() if parts)
    lost = sandbox.workspace.parts[conversation].pop(0)
    project.run("conversation_parts", full_refresh=True)
    everything = len(sandbox.workspace.conversations)
    assert project.metadata("conversation_parts")["intercom/calls"] >= everything
    assert project.query("select count(*) from intercom.conversation_parts") == rows
    kept = project.query("select id from intercom.conversation_parts where id = ?", lost["id"])
    assert kept == [(lost["id"],)]


def test_every_stream_has_an_extraction_with_a_table(sandbox: Sandbox, project: Project) -> None:
    client = project.resources()["intercom"].client()
    for name, stream in STREAMS.items():
        spec = Extraction(stream(client)).table
        assert spec.replace == (STREAMS[name].replication_key is None)
