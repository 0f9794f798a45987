"""A source that changes while it is read, and tables that are not as this version makes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.sandbox.calls import Answer, Call
from intercom_assets.sandbox.gateway import Gateway
from intercom_assets_tests.conftest import SMALL, Project
from intercom_assets_tests.test_rules_guards import MERGED, REPLACED, Things, things
from intercom_assets_tests.truth import differences

__all__ = ["things"]  # a fixture


HOUR = 3_600
MONDAY = "2024-01-01T00:00:00Z"
VALUES: dict[str, Any] = {
    "text": "twelve",
    "number": 12,
    "fraction": 1.5,
    "boolean": True,
    "object": {"a": [1, None]},
    "list": [1, "a", {}],
}


@pytest.mark.long
@pytest.mark.parametrize(
    "stream",
    [
        "contacts",
        pytest.param("conversations", marks=pytest.mark.slow),
        "conversation_parts",
        pytest.param("companies", marks=pytest.mark.slow),
    ],
)
def test_what_changes_while_pages_are_read_is_complete_after_the_next_run(
    make_project: Callable[..., Project], stream: str
) -> None:
    """Before every answer something is changed, created or deleted, and a minute passes."""
    collection = "conversations" if stream == "conversation_parts" else stream
    streams = dict.fromkeys((collection, stream))
    with Sandbox(**SMALL, scroll_page_size=5, scroll_expiry=HOUR) as sandbox:
        project = make_project(sandbox, page_size=5)
        space, asked = sandbox.workspace, []

        def disturb(request: Any) -> None:
            asked.append(request)
            space.clock.advance(60)
            held = list(getattr(space, collection))
            space.update(collection, held[len(asked) % len(held)], name=f"changed {len(asked)}")
            if collection == "conversations":
                space.add_part(held[-len(asked) % len(held)])
            if len(asked) % 3 == 0:
                space.create(collection)
            if len(asked) % 4 == 0:
                space.delete(collection, held[-len(asked) % len(held)])

        sandbox.on_request = disturb
        project.run(*streams)
        project.run(*streams)
        assert len(asked) > 4
        sandbox.on_request = None
        space.clock.advance(HOUR)
        project.run(*streams)
        assert [lost(project, name) for name in streams] == [[] for _ in streams]
        project.run(*streams, full_refresh=True, allow_shrink=True)
        assert project.differences(collection) == {}
        # Parts of a conversation that was deleted stay.
        assert lost(project, stream) == []


def lost(project: Project, stream: str) -> list[str]:
    """Where a table and Intercom disagree, but for what Intercom deleted."""
    found = differences(project.database, project.sandbox.workspace, stream)
    return [problem for problem in found if "is there, but not at the source" not in problem]


@pytest.mark.long
def test_a_contact_that_is_merged_while_its_lists_are_read_stays_as_the_list_gave_it(
    sandbox: Sandbox, project: Project
) -> None:
    space = sandbox.workspace
    merged: list[str] = []

    def merge(request: Any) -> None:
        ident = request.path.split("/")[2] if request.path.count("/") == 3 else ""
        if ident in space.contacts and not merged:
            merged.append(ident)
            space.merge_contacts(ident, next(id for id in space.contacts if id != ident))

    sandbox.on_request = merge
    assert project.run("contacts").success
    assert merged
    sandbox.on_request = None
    space.clock.advance(HOUR)
    project.run("contacts", full_refresh=True)
    assert project.differences("contacts") == {}


@pytest.mark.long
@pytest.mark.parametrize("html", [False, True])
def test_a_conversation_that_goes_between_search_and_its_parts_is_no_error(
    make_project: Callable[..., Project], html: bool
) -> None:
    with Sandbox(**SMALL, html_not_found=html) as sandbox:
        project = make_project(sandbox)
        project.run("conversations")
        gone = list(sandbox.workspace.conversations)[:4]
        for ident in gone:
            sandbox.workspace.delete("conversations", ident)
        assert project.run("conversation_parts").success
        assert project.metadata("conversation_parts")["intercom/conversations_gone"] == 4
        assert project.differences("conversation_parts") == {}


@pytest.mark.long
def test_what_was_stored_of_a_conversation_that_is_deleted_or_a_contact_that_is_merged_stays(
    sandbox: Sandbox, project: Project
) -> None:
    space, streams = sandbox.workspace, ("contacts", "conversations", "conversation_parts")
    deleted = next(ident for ident, parts in space.parts.items() if parts)
    merged, survivor = list(space.contacts)[:2]
    stored = {
        f"select * exclude (_synced_at, {marks}) from intercom.{table} "
        f"where {key} = '{ident}' order by id": n
        for table, marks, key, ident, n in (
            ("conversations", "_deleted_at", "id", deleted, 1),
            (
                *("conversation_parts", "_deleted_at", "conversation_id", deleted),
                len(space.parts[deleted]),
            ),
            ("contacts", "_deleted_at, _merged_into", "id", merged, 1),
        )
    }
    project.run(*streams)
    before = [project.query(sql) for sql in stored]
    assert [len(rows) for rows in before] == list(stored.values())
    space.clock.advance(HOUR)
    # Listed as changed, and gone when its parts are asked for.
    space.update("conversations", deleted, title="changed")
    project.run("conversations")
    before[0] = project.query(next(iter(stored)))
    space.delete("conversations", deleted)
    space.merge_contacts(merged, survivor)
    project.run(*streams)
    assert project.metadata("conversation_parts")["intercom/conversations_gone"] == 1
    assert [project.query(sql) for sql in stored] == before
    assert [lost(project, name) for name in streams] == [[], [], []]


@pytest.mark.long
def test_odd_ids_names_and_texts_land_as_intercom_holds_them(
    sandbox: Sandbox, project: Project
) -> None:
    space, streams = sandbox.workspace, ("contacts", "conversations", "conversation_parts", "tags")
    for collection in ("tags", "conversations"):
        for ident, record in getattr(space, collection).items():
            record["id"] = int(ident)
    contacts = list(space.contacts)
    odd = {'a "quoted" one': 1, "a.b": 2, "a b": 3, "🚀": 4, "Name": 5, "NAME": "6", "it's; --": 7}
    space.update("contacts", contacts[0], **odd)
    halves = {"name": "a\ud800b", "custom_attributes": {"x\ud83d": "y\udc00"}}
    space.update("contacts", contacts[1], **halves)
    project.run(*streams)
    whole = {"name": "a\ufffdb", "custom_attributes": {"x\ufffd": "y\ufffd"}}
    space.update("contacts", contacts[1], touch=False, **whole)
    assert project.differences(*streams) == {}


@pytest.mark.long
def test_an_attribute_may_change_its_type_from_run_to_run(
    sandbox: Sandbox, project: Project
) -> None:
    contacts = list(sandbox.workspace.contacts)
    for number, value in enumerate(VALUES.values()):
        sandbox.workspace.clock.advance(HOUR)
        for contact in (contacts[0], contacts[1 + number]):
            sandbox.workspace.update("contacts", contact, custom_attributes={"score": value})
        project.run("contacts")
        assert project.differences("contacts") == {}


WIRE: dict[str, Callable[[int], Any]] = {
    "milliseconds": lambda moment: moment * 1_000,
    "ISO 8601": lambda moment: datetime.fromtimestamp(moment, timezone.utc).isoformat(),
    "text": str,
}


@pytest.mark.slow
@pytest.mark.parametrize("form", WIRE)
def test_whatever_form_updated_at_has_increments_are_complete(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    original = Gateway._answer

    def answer(gateway: Gateway, request: Any, call: Call, *args: Any) -> Answer:
        whole = original(gateway, request, call, *args)
        if not call.path.endswith("/search") and not call.path.startswith("/conversations/"):
            return whole
        body = json.loads(whole.body)
        for record in body.get("data") or body.get("conversations") or [body]:
            if "updated_at" in record:
                record["updated_at"] = WIRE[form](record["updated_at"])
        return whole._replace(body=json.dumps(body).encode())

    monkeypatch.setattr(Gateway, "_answer", answer)
    project.settings["page_size"] = 5
    streams = ("contacts", "conversations", "conversation_parts")
    for _ in range(2):
        project.run(*streams)
        sandbox.workspace.clock.advance(HOUR)
        for stream, field in (("contacts", "name"), ("conversations", "title")):
            for ident in list(getattr(sandbox.workspace, stream))[:6]:
                sandbox.workspace.update(stream, ident, **{field: "changed"})
        sandbox.workspace.clock.advance(HOUR)
    project.run(*streams)
    assert project.metadata("conversations")["intercom/records"] < 15
    differing = {name: lost(project, name) for name in streams}
    assert not any(differing.values()), differing


@pytest.mark.slow
@pytest.mark.parametrize("spec", [MERGED, REPLACED], ids=["merged", "replaced"])
@pytest.mark.parametrize("later", VALUES)
@pytest.mark.parametrize("earlier", VALUES)
def test_a_field_may_change_its_type(things: Things, spec: Any, earlier: str, later: str) -> None:
    """In a column of its own, and in those that are declared as text, number and time."""
    fields = ("unheard_of", "name", "count", "seen_at")
    for number, kind in enumerate((earlier, later, earlier)):
        first = {"id": "a", "updated_at": MONDAY, **dict.fromkeys(fields, VALUES[earlier])}
        record = {"updated_at": MONDAY, **dict.fromkeys(fields, VALUES[kind])}
        ids = [str(number), *(f"{number}{more}" for more in "xyz")]
        things.land(first, *({"id": id, **record} for id in ids), spec=spec)
    types = dict(row[:2] for row in things.query("describe intercom.things"))
    for field in fields:
        [(found,)] = things.query(f"select {field} from intercom.things where id = '2'")
        assert same(found, types[field], VALUES[earlier]), field


def same(found: Any, kind: str, sent: Any) -> bool:
    """Whether a column says what was sent: as itself, as JSON, or as JSON text."""
    if kind == "JSON":
        return bool(json.loads(found) == sent) or found == sent
    if kind == "VARCHAR" and not isinstance(sent, str):
        return bool(json.loads(found) == sent)
    return bool(found == sent)


@pytest.mark.long
def test_a_field_that_is_null_for_a_million_rows_may_become_an_object(things: Things) -> None:
    things.land({"id": "0", "updated_at": MONDAY, "name": None, "new": None})
    things.query(
        "insert into intercom.things by name select i::varchar as id from range(1, 1000001) t(i)"
    )
    new = {"updated_at": MONDAY, "name": {"first": "A"}, "new": {"b": 1}}
    things.land(*({"id": id, **new} for id in "789"))
    assert things.query("select count(*), count(name), count(new) from intercom.things") == [
        (1_000_001, 3, 3)
    ]
    [(name, new)] = things.query("select name, new from intercom.things where id = '7'")
    assert (json.loads(name), json.loads(new)) == ({"first": "A"}, {"b": 1})


OLDER = {
    "fewer columns": "create table intercom.things (id varchar, name varchar)",
    "no column of ours": "create table intercom.things (id varchar, updated_at timestamptz)",
    "another order": "create table intercom.things (_synced_at timestamptz, name text, id text)",
}


@pytest.mark.parametrize("made", OLDER)
@pytest.mark.parametrize("spec", [MERGED, REPLACED], ids=["merged", "replaced"])
def test_a_table_of_an_older_version_gets_what_it_lacks(
    things: Things, made: str, spec: Any
) -> None:
    things.query("create schema intercom")
    things.query(OLDER[made])
    things.query("insert into intercom.things by name select 'old' as id")
    records = [{"id": "old", "name": "kept", "count": 1}, {"id": "new", "name": "n", "count": 2}]
    things.land(*records, spec=spec)
    assert things.rows("id, name, count") == [("new", "n", 2), ("old", "kept", 1)]
    assert things.query("select count(*) from intercom.things where _synced_at is null") == [(0,)]


@pytest.mark.parametrize("column", ["name", "updated_at", "count", "_synced_at"])
def test_a_column_that_was_dropped_by_hand_comes_back(things: Things, column: str) -> None:
    things.land({"id": "1", "name": "a", "count": 1, "updated_at": MONDAY})
    things.query(f"alter table intercom.things drop column {column}")
    things.land({"id": "1", "name": "b", "count": 2, "updated_at": "2024-01-02T00:00:00Z"})
    assert things.rows("id, name, count") == [("1", "b", 2)]


@pytest.mark.parametrize(
    ("stream", "column"),
    [
        ("contacts", "custom_attributes"),
        pytest.param(*("conversations", "updated_at"), marks=pytest.mark.slow),
        pytest.param(*("conversation_parts", "body"), marks=pytest.mark.slow),
        pytest.param(*("companies", "name"), marks=pytest.mark.slow),
        pytest.param(*("tags", "name"), marks=pytest.mark.slow),
        ("tags", "id"),
    ],
)
def test_a_column_that_was_dropped_by_hand_is_filled_again_for_all_rows(
    sandbox: Sandbox, project: Project, stream: str, column: str
) -> None:
    both = ("conversations", stream) if stream == "conversation_parts" else (stream,)
    project.run(*both)
    sandbox.workspace.clock.advance(3_600)  # beyond the lookback
    project.query(f"alter table intercom.{stream} drop column {column}")
    project.run(*both)
    assert project.differences(*both) == {}


def test_a_field_keeps_the_name_of_its_column_when_everything_is_read_again(
    things: Things,
) -> None:
    record = {"id": "1", "name": "a", "Name": "b", "updated_at": MONDAY}
    things.land(record)
    things.query("alter table intercom.things drop column count")
    things.land(record)
    assert set(things.rows("name, name__2, count")) == {("a", '"b"', None)}
    assert ("name__3",) not in things.query("select column_name from duckdb_columns()")


@pytest.mark.long
def test_a_table_that_lost_its_key_is_refused_and_nothing_changes(project: Project) -> None:
    project.run("contacts")
    project.query("alter table intercom.contacts drop column id")
    before = project.query("from intercom.contacts")
    result = project.run("contacts", raise_on_error=False)
    failure = result.failure_data_for_node("contacts")
    assert failure is not None and "no column id" in str(failure.user_failure_data)
    assert project.query("from intercom.contacts") == before
    project.query("drop table intercom.contacts")
    project.run("contacts")
    assert project.differences("contacts") == {}


@pytest.mark.long
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("_sync_state", "reset"),
        pytest.param(*("_sync_state", "generation"), marks=pytest.mark.slow),
        ("_sync_state", "state"),
        ("_ledger", "fetched_at"),
        pytest.param(*("_seen", "refresh"), marks=pytest.mark.slow),
        pytest.param(*("_columns", "column_name"), marks=pytest.mark.slow),
    ],
)
def test_a_table_of_ours_of_an_older_version_gets_what_it_lacks(
    sandbox: Sandbox, project: Project, table: str, column: str
) -> None:
    project.run("conversations", "conversation_parts")
    project.query(f"alter table intercom.{table} drop column {column}")
    for ident in list(sandbox.workspace.conversations)[:5]:
        sandbox.workspace.update("conversations", ident, title="changed")
    project.run("conversations", "conversation_parts")
    assert project.differences("conversations", "conversation_parts") == {}


@pytest.mark.long
@pytest.mark.parametrize("name", ["version", "Ordinal", "rowid", "keep", "open", "t", "stream"])
@pytest.mark.parametrize("spec", [MERGED, REPLACED], ids=["merged", "replaced"])
def test_a_field_may_be_called_as_our_sql_calls_something(
    things: Things, name: str, spec: Any
) -> None:
    newest = {"id": "1", "name": "b", "updated_at": "2024-01-02T00:00:00Z", name: 0}
    oldest = {"id": "1", "name": "a", "updated_at": MONDAY, name: 9}
    others = [{"id": "2", "name": "c", "updated_at": MONDAY, name: None}]
    things.land(*others, newest, *([oldest] if spec is MERGED else []), spec=spec)
    for _ in range(2):
        assert things.rows("id, name") == [("1", "b"), ("2", "c")]
        things.land(*others, newest, spec=spec)
    column = f"{name}__2" if name == "rowid" else name
    assert ("0",) in things.query(f'select "{column}" from intercom.things')


def test_a_column_that_was_renamed_by_hand_is_left_alone(things: Things) -> None:
    things.land({"id": "1", "name": "a", "updated_at": MONDAY})
    things.query("alter table intercom.things rename column name to title")
    things.land({"id": "2", "name": "b", "updated_at": MONDAY})
    assert things.rows("id, title, name") == [("1", "a", None), ("2", None, "b")]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["_ledger", "_seen", "_columns", "_sync_state"])
def test_a_table_of_ours_that_was_dropped_by_hand_loses_no_data(
    sandbox: Sandbox, project: Project, table: str
) -> None:
    project.run("conversations", "conversation_parts")
    project.query(f"drop table intercom.{table}")
    sandbox.workspace.change(6)
    project.run("conversations", "conversation_parts")
    assert project.differences("conversations", "conversation_parts") == {}


@pytest.mark.parametrize("kind", ["integer", "date", "struct(a integer)", "varchar[]"])
def test_a_column_of_a_type_that_is_not_ours_is_refused_and_nothing_changes(
    things: Things, kind: str
) -> None:
    things.land({"id": "1", "name": None, "updated_at": MONDAY})
    things.query(f"alter table intercom.things alter name set data type {kind} using null")
    before = things.query("from intercom.things")
    with pytest.raises(Exception, match="types that are not written here"):
        things.land({"id": "2", "name": "b", "updated_at": MONDAY})
    assert things.query("from intercom.things") == before
