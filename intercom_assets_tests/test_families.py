"""Rules that hold for whole families of streams: edges of what only comes, parents that go."""

from __future__ import annotations

import pytest

from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets_tests.conftest import Project

MINUTE = 60


@pytest.mark.long
def test_what_is_added_at_the_edge_of_a_run_is_neither_lost_nor_there_twice(
    sandbox: Sandbox, project: Project
) -> None:
    """In the bookmark's own second, a second beside it, and minutes late."""
    project.run("activity_logs")
    logs = sandbox.workspace.plain["activity_logs"]
    bookmark = parse_epoch(project.bookmark("activity_logs")) or 0
    for moment in (bookmark - 5 * MINUTE, bookmark - 1, bookmark, bookmark + 1):
        like = next(iter(logs.values()))
        id = f"late-{moment}"
        logs[id] = {**like, "id": id, "created_at": moment}
    sandbox.workspace.clock.advance(MINUTE)
    for _ in range(2):
        project.run("activity_logs")
        assert project.differences("activity_logs") == {}
    assert project.metadata("activity_logs")["intercom/inserted"] == 0


@pytest.mark.long
@pytest.mark.parametrize("stream", ["contact_segments", "data_events"])
def test_a_parent_that_is_gone_is_settled_and_its_rows_stay(
    sandbox: Sandbox, project: Project, stream: str
) -> None:
    project.run("contacts", stream)
    sandbox.workspace.clock.advance(2 * MINUTE)
    [[gone]] = project.query(f"select min(contact_id) from intercom.{stream}")
    held = project.query(f"select count(*) from intercom.{stream} where contact_id = ?", gone)
    sandbox.workspace.update("contacts", gone, name="Soon gone")
    sandbox.workspace.clock.advance(2 * MINUTE)
    project.run("contacts")
    sandbox.workspace.delete("contacts", gone)
    for asked in (1, 0):
        sandbox.reset_log()
        project.run(stream)
        assert (
            sum(gone in f"{request.path}{request.query}" for request in sandbox.requests) == asked
        )
        assert project.metadata(stream)["intercom/contacts_gone"] == asked
    kept = project.query(f"select count(*) from intercom.{stream} where contact_id = ?", gone)
    assert kept == held


@pytest.mark.long
@pytest.mark.parametrize(
    ("stream", "call"),
    [
        ("contact_segments", "/contacts/[^/]+/segments"),
        ("office_hours_exceptions", "/office_hours_schedules/[^/]+/office_hours_exceptions"),
    ],
)
def test_a_call_that_the_workspace_lacks_is_not_taken_for_parents_that_are_gone(
    sandbox: Sandbox, project: Project, stream: str, call: str
) -> None:
    project.checks = True
    project.run("contacts", "office_hours_schedules")
    sandbox.faults.append(Fault("status", status=404, match=call))
    result = project.run(stream)
    assert result.success
    readable = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert not readable["readable"]
    sandbox.faults.clear()
    project.run(stream)
    assert project.differences(stream) == {}


@pytest.mark.long
def test_a_first_parent_that_is_gone_is_settled_by_the_next_run(
    sandbox: Sandbox, project: Project
) -> None:
    project.settings["max_concurrency"] = 1
    project.run("contacts")
    [[gone]] = project.query("select id from intercom.contacts order by updated_at, id limit 1")
    sandbox.workspace.delete("contacts", gone)
    sandbox.workspace.clock.advance(2 * MINUTE)
    for refused, settled in ((1, 0), (0, 1), (0, 0)):
        project.run("contact_segments")
        told = project.metadata("contact_segments")
        assert told["intercom/contacts_refused"] == refused
        assert told["intercom/contacts_gone"] == settled
    assert project.differences("contact_segments") == {}
