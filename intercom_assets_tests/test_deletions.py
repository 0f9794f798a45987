"""What is gone at Intercom is marked, or removed for those who choose so."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from intercom_assets.assets import build_intercom_assets
from intercom_assets.models.relations import relations
from intercom_assets.resources import IntercomResource
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.sync_config import SyncConfig
from intercom_assets_tests.conftest import Project

pytestmark = pytest.mark.every_kind


def living(project: Project, table: str) -> set[str]:
    return _ids(project, table, "_deleted_at is null")


def gone(project: Project, table: str) -> set[str]:
    return _ids(project, table, "_deleted_at is not null")


def _ids(project: Project, table: str, which: str) -> set[str]:
    rows = project.query(f"select id from intercom.{table} where {which}")
    assert len(rows) == len(set(rows)), f"{table} has a key twice"
    return {str(ident) for (ident,) in rows}


def first(sandbox: Sandbox, table: str) -> str:
    return str(sandbox.workspace.records(table)[0]["id"])


@pytest.mark.long
@pytest.mark.parametrize("stream", ["tags", "companies", "conversations"])
def test_what_is_gone_is_marked_and_is_alive_again_once_it_is_listed_again(
    sandbox: Sandbox, project: Project, stream: str
) -> None:
    project.run(stream)
    ident, before = first(sandbox, stream), living(project, stream)
    sandbox.workspace.delete(stream, ident)
    project.run(stream, full_refresh=True)
    assert gone(project, stream) == {ident}
    told = project.metadata(stream)
    assert (told["intercom/deleted"], told["intercom/rows_gone"]) == (1, 1)
    assert told["dagster/row_count"] == len(before) - 1
    project.run(stream, full_refresh=True)
    assert project.metadata(stream)["intercom/deleted"] == 0, "it is gone only once"
    # Not newer than it was: that it is there is what counts.
    sandbox.workspace.restore(stream, ident)
    project.run(stream, full_refresh=True)
    assert (living(project, stream), gone(project, stream)) == (before, set())
    assert project.differences(stream) == {}


@pytest.mark.long
def test_what_hangs_on_a_conversation_goes_and_comes_with_it(
    sandbox: Sandbox, project: Project
) -> None:
    both = ("conversations", "conversation_parts")
    project.run(*both)
    ident = next(c for c, parts in sandbox.workspace.parts.items() if parts)
    parts = {part["id"] for part in sandbox.workspace.parts[ident]}
    everything = living(project, "conversation_parts")
    sandbox.workspace.delete("conversations", ident)
    project.run("conversations", full_refresh=True)
    assert gone(project, "conversation_parts") == parts
    assert {
        *project.query(
            "select c._deleted_at = p._deleted_at from intercom.conversation_parts p "
            "join intercom.conversations c on c.id = p.conversation_id "
            "where p._deleted_at is not null"
        )
    } == {(True,)}
    sandbox.workspace.restore("conversations", ident)
    project.run("conversations", full_refresh=True)
    assert living(project, "conversation_parts") == everything


@pytest.mark.long
@pytest.mark.parametrize("way", ["asset", "resource", "environment"])
def test_rows_are_removed_where_that_is_chosen(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    both = ("conversations", "conversation_parts")
    project.run("tags", *both)
    ident = next(c for c, parts in sandbox.workspace.parts.items() if parts)
    tag = first(sandbox, "tags")
    for stream, one in (("conversations", ident), ("tags", tag)):
        sandbox.workspace.delete(stream, one)
    config: dict[str, Any] = {}
    if way == "asset":
        config["on_delete"] = "remove"
    elif way == "resource":
        project.settings["on_delete"] = "remove"
    else:
        monkeypatch.setenv("INTERCOM_ON_DELETE", "remove")
    project.run("tags", "conversations", full_refresh=True, **config)
    for table, column in (("conversations", "id"), ("conversation_parts", "conversation_id")):
        assert not project.query(f"from intercom.{table} where {column} = ?", ident)
    assert not project.query(
        f"from {project.book('_ledger', 'conversation_parts')} where parent_id = ?", ident
    )
    assert not project.query("from intercom.tags where id = ?", tag)
    assert project.metadata("tags")["intercom/deleted"] == 1


def test_what_was_marked_is_removed_by_the_first_run_that_is_to_remove(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("companies")
    ident = first(sandbox, "companies")
    sandbox.workspace.delete("companies", ident)
    project.run("companies", full_refresh=True)
    assert gone(project, "companies") == {ident}
    project.run("companies", on_delete="remove")
    assert gone(project, "companies") == set()
    assert project.differences("companies") == {}


@pytest.mark.file_only
def test_tables_of_an_older_release_get_the_columns_and_nothing_is_read_again(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("contacts")
    bookmark = project.bookmark("contacts")
    for column in ("_deleted_at", "_merged_into"):
        project.query(f"alter table intercom.contacts drop column {column}")
    sandbox.workspace.delete("contacts", first(sandbox, "contacts"))
    project.run("contacts")
    assert project.metadata("contacts")["intercom/bookmark_before"] == bookmark
    types = dict(row[:2] for row in project.query("describe intercom.contacts"))
    assert types["_deleted_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["_merged_into"] == "VARCHAR"
    project.run("contacts", full_refresh=True)
    assert project.differences("contacts") == {}


def test_a_later_start_date_makes_nothing_gone(sandbox: Sandbox, project: Project) -> None:
    project.run("conversations")
    before = living(project, "conversations")
    moments = sorted(c["updated_at"] for c in sandbox.workspace.conversations.values())
    middle = moments[len(moments) // 2]
    date = project.query("select strftime(to_timestamp(?), '%Y-%m-%dT%H:%M:%SZ')", middle)[0][0]
    project.run("conversations", full_refresh=True, start_date=date)
    assert (living(project, "conversations"), gone(project, "conversations")) == (before, set())


FEED, TALKS = "deleted_conversations", ("conversations", "conversation_parts")


def test_downstream_assets_get_no_rows_that_are_gone_unless_they_ask_for_them(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("tags")
    everything, ident = living(project, "tags"), first(sandbox, "tags")
    sandbox.workspace.delete("tags", ident)
    project.run("tags")
    seen: dict[str, Any] = {}

    @dg.asset(ins={"tags": dg.AssetIn()}, io_manager_key="elsewhere")
    def alive(tags: Any) -> None:
        seen["alive"] = tags

    wanted = {"rows_gone": True, "columns": ["id"]}

    @dg.asset(ins={"tags": dg.AssetIn(metadata=wanted)}, io_manager_key="elsewhere")
    def ever(tags: Any) -> None:
        seen["ever"] = tags

    dg.materialize(
        [*build_intercom_assets(["tags"]), alive, ever],
        selection=[alive, ever],
        instance=project.instance,
        resources={**project.resources(), "elsewhere": dg.mem_io_manager},
    )
    assert set(seen["alive"]["id"]) == everything - {ident} == living(project, "tags")
    assert list(seen["ever"].columns) == ["id"] and set(seen["ever"]["id"]) == everything


def with_parts(sandbox: Sandbox) -> str:
    return next(c for c, parts in sandbox.workspace.parts.items() if parts)


def users(sandbox: Sandbox) -> list[str]:
    return [id for id, contact in sandbox.workspace.contacts.items() if contact["role"] == "user"]


@pytest.mark.long
def test_the_feed_marks_conversations_and_parts_in_the_run_that_reads_it(
    sandbox: Sandbox, project: Project
) -> None:
    project.run(FEED, *TALKS)
    assert gone(project, "conversations") == set(), "who was gone before is in no table"
    ident = with_parts(sandbox)
    parts = {part["id"] for part in sandbox.workspace.parts[ident]}
    sandbox.workspace.clock.advance(60)
    sandbox.workspace.delete("conversations", ident)
    sandbox.reset_log()
    project.run(FEED)
    assert sandbox.count("/conversations/deleted") == 1
    assert (gone(project, "conversations"), gone(project, "conversation_parts")) == ({ident}, parts)
    [(at,)] = project.query(
        "select epoch(_deleted_at) from intercom.conversations where id = ?", ident
    )
    assert at == sandbox.workspace.deleted_conversations[ident]
    project.run(*TALKS)
    assert project.metadata("conversations")["intercom/rows_gone"] == 1
    assert project.differences(*TALKS) == {}


@pytest.mark.parametrize("mode", ["mark", "remove"])
def test_a_conversation_that_lands_after_the_feed_told_of_it_is_gone(
    sandbox: Sandbox, project: Project, mode: str
) -> None:
    project.settings["on_delete"] = mode
    ident = with_parts(sandbox)
    kept = sandbox.workspace.conversations[ident]
    sandbox.workspace.clock.advance(1)
    sandbox.workspace.delete("conversations", ident)
    project.run(FEED)
    # A search still lists it for some minutes.
    sandbox.workspace.put("conversations", kept)
    project.run("conversations")
    assert gone(project, "conversations") == ({ident} if mode == "mark" else set())
    assert ident not in living(project, "conversations")


@pytest.mark.long
def test_a_conversation_that_is_listed_again_is_alive_again(
    sandbox: Sandbox, project: Project
) -> None:
    project.run(FEED, *TALKS)
    everything, ident = living(project, "conversation_parts"), with_parts(sandbox)
    sandbox.workspace.delete("conversations", ident)
    project.run(FEED)
    assert gone(project, "conversations") == {ident}
    sandbox.workspace.clock.advance(7_200)
    sandbox.workspace.restore("conversations", ident, touch=True)
    for _ in range(2):
        project.run(FEED, *TALKS)
        assert gone(project, "conversations") == gone(project, "conversation_parts") == set()
        assert living(project, "conversation_parts") == everything


@pytest.mark.long
def test_parts_that_land_after_their_conversation_is_gone_go_with_it(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations")
    ident = with_parts(sandbox)
    query = "update intercom.conversations set _deleted_at = now() where id = ?"

    def mark(request: Any) -> None:
        if request.path == f"/conversations/{ident}":
            project.query(query, ident)

    sandbox.on_request = mark
    project.run("conversation_parts")
    parts = {part["id"] for part in sandbox.workspace.parts[ident]}
    assert gone(project, "conversation_parts") == parts


def test_a_conversation_of_which_intercom_says_that_it_is_gone_is_marked(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations")
    ident = with_parts(sandbox)
    sandbox.workspace.clock.advance(60)
    sandbox.workspace.delete("conversations", ident)
    project.run("conversation_parts")
    assert gone(project, "conversations") == {ident}


@pytest.mark.long
def test_many_that_are_not_found_are_not_taken_for_deleted(
    sandbox: Sandbox, project: Project
) -> None:
    """A permission that is lost, or a route, looks like this; what Intercom lists is there."""
    project.settings["on_delete"] = "remove"
    project.run("conversations")
    before = living(project, "conversations")
    error = {"type": "error.list", "errors": [{"code": "not_found", "message": "Not found"}]}
    lost = Fault("status", match=r"/conversations/\d", status=404, body=error)
    sandbox.faults.append(lost)
    project.run("conversation_parts", raise_on_error=False)
    assert lost.fired >= len(before) and living(project, "conversations") == before


@pytest.mark.long
def test_who_was_merged_is_marked_with_the_survivor(sandbox: Sandbox, project: Project) -> None:
    project.run("contacts")
    source, middle, last = users(sandbox)[:3]
    for one, other in ((source, middle), (middle, last)):
        sandbox.workspace.clock.advance(60)
        sandbox.workspace.merge_contacts(one, other)
        project.run("contacts")
    assert gone(project, "contacts") == {source, middle}
    assert merged(project) == {source: middle, middle: last}
    project.query(f"create view intercom.survivors as {survivors()}")
    followed = dict(project.query("select contact_id, survivor_id from intercom.survivors"))
    assert (followed[source], followed[middle], followed[last]) == (last, last, last)
    assert living(project, "contacts") == set(followed.values())
    assert project.differences("contacts") == {}


@pytest.mark.long
def test_a_merge_is_learnt_from_whatever_answer_tells_it(
    sandbox: Sandbox, project: Project
) -> None:
    project.settings["optional_fields"] = []
    project.run("contacts")
    source, survivor = users(sandbox)[:2]
    sandbox.workspace.clock.advance(60)
    sandbox.workspace.merge_contacts(source, survivor)
    project.run("contacts")
    assert gone(project, "contacts") == set(), "no search tells"
    body = {"type": "error.list", "errors": [{"code": "contact_merged", "message": "merged"}]}
    link = f'<https://api.intercom.io/contacts/{survivor}>; rel="canonical"'
    sandbox.faults.append(
        Fault("status", match=f"{source}/segments", status=410, body=body, headers={"Link": link})
    )
    project.run("contact_segments")
    assert merged(project) == {source: survivor}


def survivors() -> str:
    sql: str = relations()["contact_survivors"].render(["contacts"]).sql
    return sql.replace('from "contacts"', "from intercom.contacts")


def merged(project: Project) -> dict[str, str]:
    query = "select id, _merged_into from intercom.contacts where _deleted_at is not null"
    return dict(project.query(query))


@pytest.mark.long
@pytest.mark.file_only
def test_parts_are_read_for_a_table_of_an_older_release(sandbox: Sandbox, project: Project) -> None:
    """They may be what is materialized first after an upgrade."""
    project.run("conversations")
    project.query("alter table intercom.conversations drop column _deleted_at")
    project.run("conversation_parts")
    assert living(project, "conversation_parts")


@pytest.mark.long
@pytest.mark.file_only
def test_the_feed_works_on_tables_of_an_older_release(sandbox: Sandbox, project: Project) -> None:
    project.run(FEED, *TALKS)
    for table in TALKS:
        project.query(f"alter table intercom.{table} drop column _deleted_at")
    project.query("drop table intercom._gone")
    ident = with_parts(sandbox)
    parts = {part["id"] for part in sandbox.workspace.parts[ident]}
    sandbox.workspace.clock.advance(60)
    sandbox.workspace.delete("conversations", ident)
    project.run(FEED)
    assert (gone(project, "conversations"), gone(project, "conversation_parts")) == ({ident}, parts)


def test_what_becomes_of_rows_is_checked() -> None:
    for made in (
        lambda: SyncConfig(on_delete="forget"),
        lambda: IntercomResource(access_token=dg.EnvVar("T"), on_delete="forget"),
    ):
        with pytest.raises(Exception, match="must be one of mark, remove"):
            made()
