"""Parents whose children cannot be read: few stop nobody and stay outstanding, many are told."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime

import pytest

from intercom_assets.client.errors import PermissionDenied, ServerError
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.sandbox.request_log import RequestLog
from intercom_assets.singer import tap
from intercom_assets.singer.catalog import select
from intercom_assets.streams import STREAMS, Parent
from intercom_assets.streams.refusals import HOPELESS, Refusals, Refused
from intercom_assets.streams.refusals import MANY as MANY_FAULTS
from intercom_assets.streams.state import SyncState
from intercom_assets_tests.conftest import Project, client_of
from intercom_assets_tests.singer_output import Target

PAIR = ("conversations", "conversation_parts")
# Conversations of the small sandbox are 25.
MANY = 12


def refuse(sandbox: Sandbox, *ids: str) -> None:
    """Has Intercom refuse single conversations, as it does tickets without their scope."""
    match = f"/conversations/({'|'.join(ids)})([?]|$)"
    sandbox.faults.append(Fault("status", match=match, status=403))


def by_age(sandbox: Sandbox) -> list[str]:
    held = sandbox.workspace.conversations
    return sorted(held, key=lambda id: (held[id]["updated_at"], id))


def owners(project: Project) -> set[str]:
    return {
        row[0]
        for row in project.query("select distinct conversation_id from intercom.conversation_parts")
    }


def with_parts(sandbox: Sandbox) -> set[str]:
    return {id for id, parts in sandbox.workspace.parts.items() if parts}


@pytest.mark.long
def test_the_oldest_outstanding_conversation_stops_no_other(
    sandbox: Sandbox, project: Project
) -> None:
    oldest = by_age(sandbox)[0]
    sandbox.workspace.add_part(oldest, at=sandbox.workspace.conversations[oldest]["updated_at"])
    refuse(sandbox, oldest)
    for _ in range(2):
        project.run(*PAIR)
        assert owners(project) == with_parts(sandbox) - {oldest}
        assert project.metadata(PAIR[1])["intercom/conversations_refused"] == 1
        told = datetime.fromisoformat(project.bookmark(PAIR[1]).replace("Z", "+00:00"))
        assert int(told.timestamp()) <= sandbox.workspace.conversations[oldest]["updated_at"]
    sandbox.faults.clear()
    project.run(*PAIR)
    assert project.differences(*PAIR) == {}


@pytest.mark.long
def test_many_refusals_fail_the_run_and_the_others_are_stored(
    sandbox: Sandbox, project: Project
) -> None:
    refused = by_age(sandbox)[:MANY]
    refuse(sandbox, *refused)
    project.run("conversations")
    assert not project.run("conversation_parts", raise_on_error=False).success
    assert owners(project) == with_parts(sandbox) - set(refused)
    sandbox.faults.clear()
    project.run("conversation_parts")
    assert project.differences(*PAIR) == {}


def test_where_nothing_can_be_read_the_run_fails(sandbox: Sandbox, project: Project) -> None:
    project.run("conversations")
    refuse(sandbox, r"\d+")
    result = project.run("conversation_parts", raise_on_error=False)
    failure = result.failure_data_for_node("conversation_parts")
    assert failure is not None
    assert "Grant the permission" in str(failure.user_failure_data)


def test_where_nothing_can_be_read_it_is_given_up_early() -> None:
    problem = PermissionDenied("no")
    first, later = (Refusals("conversations", is_first=is_first) for is_first in (True, False))
    for n in range(HOPELESS - 1):
        for refusals in (first, later):
            refusals.count(Refused(Parent(str(n), n), problem))
    with pytest.raises(PermissionDenied):
        first.count(Refused(Parent("last", 0), problem))
    later.count(Refused(Parent("last", 0), problem))


@pytest.mark.long
def test_a_full_refresh_goes_on_with_what_it_could_not_read_and_not_with_the_others(
    sandbox: Sandbox, project: Project
) -> None:
    project.run(*PAIR)
    sandbox.workspace.clock.advance(600)
    refused = by_age(sandbox)[5]
    refuse(sandbox, refused)
    # One after the other: what is read in the second that the refresh began in may have been read
    # before it, and is read once more.
    project.settings["max_concurrency"] = 1

    def later(request: RequestLog) -> None:
        if request.path.startswith("/conversations/"):
            sandbox.on_request = None
            sandbox.workspace.clock.advance(5)

    sandbox.on_request = later
    project.run(PAIR[1], full_refresh=True)
    sandbox.faults.clear()
    sandbox.reset_log()
    ledger, states = (project.book(name, PAIR[1]) for name in ("_ledger", "_sync_state"))
    [[other]] = project.query(f"select max(parent_id) from {ledger} where parent_id <> ?", refused)
    refresh = f"(select (state->>'refresh')::timestamptz from {states} where stream = '{PAIR[1]}')"
    project.query(f"update {ledger} set fetched_at = {refresh} where parent_id = ?", other)
    project.run(PAIR[1])
    asked = {r.path.rpartition("/")[2] for r in sandbox.requests if "/conversations/" in r.path}
    assert asked == {refused, other}
    assert project.differences(*PAIR) == {}


@pytest.mark.parametrize(
    ("refused", "asked", "known", "stored", "fails"),
    [
        (9, 9, 0, 0, False),
        (10, 99, 0, 0, True),
        (10, 100, 0, 0, False),
        # A quiet night asks for little but what was refused the night before.
        (12, 13, 12, 1_000, False),
        (12, 13, 12, 100, True),  # of all there are, a tenth
        (30, 33, 12, 1_000, True),  # the others now, too
        (9, 9, 12, 10, False),
    ],
)
def test_many_are_ten_and_more_than_a_tenth(
    refused: int, asked: int, known: int, stored: int, fails: bool
) -> None:
    refusals = Refusals("conversations", known=known)
    refusals.stored = stored
    for n in range(asked):
        refusals.count(Refused(Parent(str(n), n), PermissionDenied("no")) if n < refused else None)
    with pytest.raises(PermissionDenied) if fails else nullcontext():
        refusals.judge()


@pytest.mark.long
def test_a_conversation_that_intercom_fails_at_stops_no_other(
    sandbox: Sandbox, project: Project
) -> None:
    project.settings["retry_wait"] = 0.0
    failing = by_age(sandbox)[3]
    sandbox.faults.append(Fault("status", match=f"/conversations/{failing}([?]|$)", status=500))
    for _ in range(2):
        project.run(*PAIR)
        assert owners(project) == with_parts(sandbox) - {failing}
        assert project.metadata(PAIR[1])["intercom/conversations_refused"] == 1
    sandbox.faults.clear()
    project.run(*PAIR)
    assert project.differences(*PAIR) == {}


@pytest.mark.long
@pytest.mark.parametrize("stream", ["contacts", "companies"])
def test_a_list_that_intercom_fails_at_stops_no_other_and_is_asked_for_again(
    sandbox: Sandbox, project: Project, stream: str
) -> None:
    project.settings["retry_wait"] = 0.0
    failing, other = list(getattr(sandbox.workspace, stream))[2:4]
    notes = [{"type": "note", "id": str(n), "body": f"note {n}"} for n in range(75)]
    for owner in (failing, other):
        sandbox.workspace.set_sublist(owner, "notes", notes)
    sandbox.faults.append(Fault("status", match=f"{failing}/notes", status=500))
    for _ in range(2):
        project.run(stream)
        assert project.metadata(stream)["intercom/lists_refused"] == 1
        assert whole_notes(project, stream, other) == "75"
        assert whole_notes(project, stream, failing) is None
    sandbox.faults.clear()
    project.run(stream)
    assert project.metadata(stream)["intercom/lists_refused"] == 0
    assert project.differences(stream) == {}


def whole_notes(project: Project, stream: str, owner: str) -> str | None:
    """How many notes a row has; none if its list is cut."""
    query = f"""select case when not json_exists(notes, '$.has_more')
        or json_extract_string(notes, '$.has_more') = 'false'
        then json_array_length(coalesce(notes->'$.data', notes->'$.notes', notes))::text end
        from intercom.{stream} where id = ?"""
    found: str | None = project.query(query, owner)[0][0]
    return found


def test_a_contact_that_was_cut_before_a_run_died_is_read_again(sandbox: Sandbox) -> None:
    """The walk goes on from its cursor, behind the contact."""
    failing, *others = sandbox.workspace.contacts
    notes = [{"type": "note", "id": str(n), "body": f"note {n}"} for n in range(75)]
    sandbox.workspace.set_sublist(failing, "notes", notes)
    sandbox.workspace.clock.advance(60)
    for id in others:
        sandbox.workspace.update("contacts", id, name="somebody")
    sandbox.faults.append(Fault("status", match=f"{failing}/notes", status=500))
    client = client_of(sandbox, retry_wait=0.0, page_size=5, max_concurrency=1)
    batches = STREAMS["contacts"](client).batches()
    state = next(batch.state for batch in batches if batch.state.outstanding)
    batches.close()  # type: ignore[attr-defined]
    assert state.walks
    sandbox.faults.clear()
    for _ in range(2):
        found = {}
        for batch in STREAMS["contacts"](client).batches(SyncState.from_json(state.to_json())):
            found.update({record["id"]: record for record in batch.records})
            state = batch.state
    assert not state.outstanding
    assert len(found[failing]["notes"]) == 75


def test_an_outage_is_no_matter_of_single_records() -> None:
    problem, refusals = ServerError("down"), Refusals("conversations")
    for n in range(MANY_FAULTS - 1):
        refusals.count(Refused(Parent(str(n), n), problem))
    refusals.count()
    for n in range(MANY_FAULTS - 1):
        refusals.count(Refused(Parent(str(n), n), problem))
    with pytest.raises(ServerError):
        refusals.count(Refused(Parent("last", 0), problem))


def test_the_tap_asks_again_for_the_one_it_could_not_read(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = by_age(sandbox)[5]
    moment = sandbox.workspace.conversations[refused]["updated_at"]
    wanted = [entry for entry in select(None) if entry.stream.tap_stream_id == PAIR[1]]
    refuse(sandbox, refused)
    tap.sync(client_of(sandbox), wanted, {}, {})
    target = Target().read(capsys.readouterr().out)
    met = {record["conversation_id"] for record in target.tables[PAIR[1]].values()}
    assert met == with_parts(sandbox) - {refused}
    sandbox.faults.clear()
    sandbox.reset_log()
    tap.sync(client_of(sandbox, lookback=0), wanted, target.states[-1], {})
    target.read(capsys.readouterr().out)
    met = {record["conversation_id"] for record in target.tables[PAIR[1]].values()}
    assert met == with_parts(sandbox)
    ages = [held["updated_at"] for held in sandbox.workspace.conversations.values()]
    beside = sum(moment - 60 <= age <= moment + 60 for age in ages)
    assert sandbox.count("/conversations/") <= beside + 4, "the others are not asked for again"
