"""Parents whose children cannot be read: few stop nobody and stay outstanding, many are told."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime

import pytest

from intercom_assets.client.errors import PermissionDenied
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.singer import tap
from intercom_assets.singer.catalog import select
from intercom_assets.streams import Parent
from intercom_assets.streams.refusals import HOPELESS, Refusals
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
            refusals.count(Parent(str(n), n), problem)
    with pytest.raises(PermissionDenied):
        first.count(Parent("last", 0), problem)
    later.count(Parent("last", 0), problem)


@pytest.mark.parametrize(
    ("refused", "asked", "fails"), [(9, 9, False), (10, 99, True), (10, 100, False)]
)
def test_many_are_ten_and_more_than_a_tenth(refused: int, asked: int, fails: bool) -> None:
    refusals = Refusals("conversations", is_first=False)
    for n in range(asked):
        refusals.count(Parent(str(n), n), PermissionDenied("no") if n < refused else None)
    with pytest.raises(PermissionDenied) if fails else nullcontext():
        refusals.judge()


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
