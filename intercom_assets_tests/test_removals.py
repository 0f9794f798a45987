"""Rows are removed, for those who choose so: whatever they are, and whatever tells."""

from __future__ import annotations

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.marks import PARTS, wrong_marks
from intercom_assets_tests.test_deletions import first, users

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("sweep", [False, True])
@pytest.mark.parametrize(
    "stream", ["tags", "teams", "admin_list", "companies", "articles", "conversations", "tickets"]
)
def test_whatever_is_gone_is_removed_with_what_hangs_on_it_and_may_come_again(
    sandbox: Sandbox, project: Project, stream: str, sweep: bool
) -> None:
    space, streams = sandbox.workspace, [stream, *PARTS.get(stream, ())[:1]]
    project.settings["on_delete"] = "remove"
    project.run(*streams)
    collection = stream.replace("admin_list", "admins")
    owned = {"conversations": space.parts, "tickets": space.ticket_parts}.get(collection, {})
    ident = next((id for id, parts in owned.items() if parts), first(sandbox, collection))
    space.delete(collection, ident)
    project.run(stream, sweep=sweep, full_refresh=not sweep)
    assert project.metadata(stream)["intercom/deleted"] == 1
    assert wrong_marks(project.database, space, streams, "remove") == []
    space.clock.advance(7_200)
    space.restore(collection, ident, touch=True)
    project.run(*streams)
    assert wrong_marks(project.database, space, streams, "remove") == []


def test_who_was_merged_is_removed_where_that_is_chosen(sandbox: Sandbox, project: Project) -> None:
    project.settings["on_delete"] = "remove"
    project.run("contacts")
    source, middle, last = users(sandbox)[:3]
    for one, other in ((source, middle), (middle, last)):
        sandbox.workspace.clock.advance(60)
        sandbox.workspace.merge_contacts(one, other)
        project.run("contacts")
        assert wrong_marks(project.database, sandbox.workspace, ["contacts"], "remove") == []
    project.run("contacts", sweep=True)
    assert project.metadata("contacts")["intercom/rows_gone"] == 0
    assert wrong_marks(project.database, sandbox.workspace, ["contacts"], "remove") == []
