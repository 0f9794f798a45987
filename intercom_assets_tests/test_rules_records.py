"""Rules 3 to 6 of the design: how records land, whatever is in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.transform import RecordTransformer
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.errors import EmptySource, IncompatibleTable
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.warehouses import Database, book, warehouse_of

pytestmark = pytest.mark.every_kind

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": ["null", "string"], "description": "The key's value"},
        "name": {"type": ["null", "string"]},
        "count": {"type": ["null", "integer"]},
        "price": {"type": ["null", "number"]},
        "open": {"type": ["null", "boolean"]},
        "updated_at": {"type": ["null", "string"], "format": "date-time"},
        "tags": {"type": ["null", "array"], "items": {}},
    },
}
MERGED = TableSpec(key=("id",), schema=SCHEMA, replace=False, version="updated_at")
BY_CONTENT = TableSpec(key=("id",), schema=SCHEMA, replace=False)
# Of each row the schema tells what it is of, and when and how that changed.
CHILDREN = TableSpec(
    key=("id",),
    schema=SCHEMA,
    replace=False,
    version="updated_at",
    context=("updated_at", "count", "open"),
)
REPLACED = TableSpec(key=("name",), schema=SCHEMA, replace=True)
MONDAY, TUESDAY = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"


class Lands:
    """Lands records in one table."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.landing: Landing | None = None

    def __call__(self, spec: TableSpec, *records: dict[str, Any]) -> Landing:
        self.landing = Landing(self.warehouse, "things", spec, "workspace", "run")
        self.landing.commit([Batch(list(records), SyncState())])
        if spec.replace:
            self.landing.replace([], allow_empty=False)
        return self.landing

    @property
    def warehouse(self) -> Warehouse:
        return warehouse_of(self.database)

    def rows(self, columns: str = "*", order: str = "all") -> list[tuple[Any, ...]]:
        with self.warehouse.connection() as connection:
            # Without rows that are marked as gone.
            living = "select * from intercom.things where _deleted_at is null"
            query = f"select {columns} from ({living}) order by {order}"
            return connection.execute(query).fetchall()

    def types(self) -> dict[str, str]:
        assert self.landing is not None
        return self.landing.describe().columns


@pytest.fixture
def land(at: Callable[[str], Database]) -> Lands:
    return Lands(at("records.duckdb"))


def test_rule_3_the_newest_of_each_key_lands(land: Lands) -> None:
    land(
        MERGED,
        {"id": "1", "name": "new", "updated_at": TUESDAY},
        {"id": "1", "name": "old", "updated_at": MONDAY},
    )
    assert land.rows("id, name") == [("1", "new")]


def test_rule_3_what_is_older_than_the_table_is_dropped(land: Lands) -> None:
    land(MERGED, {"id": "1", "name": "new", "updated_at": TUESDAY})
    changes = land(MERGED, {"id": "1", "name": "old", "updated_at": MONDAY}).changes
    assert land.rows("id, name") == [("1", "new")]
    assert (changes.inserted, changes.updated, changes.unchanged) == (0, 0, 1)


def test_rule_3_what_the_table_has_already_does_not_touch_the_row(land: Lands) -> None:
    record = {"id": "1", "name": "a", "tags": [{"b": 1}], "updated_at": MONDAY}
    land(MERGED, record)
    before = land.rows()
    land(MERGED, record)
    assert land.rows() == before


def test_rule_3_a_second_change_within_the_same_second_is_not_lost(land: Lands) -> None:
    """Stricter than "older or equal is dropped": equal in time but not in content is newer."""
    land(MERGED, {"id": "1", "name": "a", "updated_at": MONDAY})
    land(MERGED, {"id": "1", "name": "b", "updated_at": MONDAY})
    assert land.rows("id, name") == [("1", "b")]


def test_rule_3_a_field_that_is_gone_from_the_record_is_gone_from_the_row(land: Lands) -> None:
    land(MERGED, {"id": "1", "name": "a", "updated_at": MONDAY})
    land(MERGED, {"id": "1", "updated_at": TUESDAY})
    assert land.rows("id, name") == [("1", None)]


def test_rule_3_context_is_kept_up_to_date_and_is_no_update(land: Lands) -> None:
    land(
        CHILDREN,
        {"id": "1", "name": "a", "tags": [{"b": 1}], "count": 2, "updated_at": MONDAY},
        {"id": "2", "name": "a", "count": 2, "updated_at": MONDAY},
    )
    stamps = dict(land.rows("id, _synced_at"))
    changes = land(
        CHILDREN,
        {"id": "1", "name": "a", "tags": [{"b": 1}], "count": 3, "updated_at": TUESDAY},
        {"id": "2", "name": "b", "count": 3, "updated_at": TUESDAY},
        {"id": "3", "name": "c", "count": 3, "updated_at": TUESDAY},
    ).changes
    assert land.rows("id, name, count, epoch(updated_at)::bigint") == [
        ("1", "a", 3, 1704153600),
        ("2", "b", 3, 1704153600),
        ("3", "c", 3, 1704153600),
    ]
    assert (changes.inserted, changes.updated, changes.unchanged) == (1, 1, 1)
    later = dict(land.rows("id, _synced_at"))
    assert later["1"] == stamps["1"] and later["2"] > stamps["2"]


def test_rule_3_context_of_an_older_record_is_not_taken(land: Lands) -> None:
    land(CHILDREN, {"id": "1", "name": "a", "count": 3, "updated_at": TUESDAY})
    before = land.rows()
    changes = land(CHILDREN, {"id": "1", "name": "a", "count": 2, "updated_at": MONDAY}).changes
    assert land.rows() == before and changes.unchanged == 1


def test_rule_3_context_may_be_missing_change_its_type_or_be_no_column(land: Lands) -> None:
    land(CHILDREN, {"id": "1", "name": "a", "ordinal": 7, "count": 3, "updated_at": MONDAY})
    stamp = land.rows("_synced_at")
    stays = {"name": "a", "ordinal": 7, "updated_at": TUESDAY}
    land(CHILDREN, {"id": "1", "count": 4, **stays})
    assert land.rows("id, count, _synced_at") == [("1", 4, *stamp[0])]
    land(CHILDREN, {"id": "1", "name": "a", "ordinal": 7})
    assert land.rows("id, count, updated_at, _synced_at") == [("1", None, None, *stamp[0])]
    less = {name: kind for name, kind in SCHEMA["properties"].items() if name != "open"}
    without = replace(CHILDREN, schema={**SCHEMA, "properties": less})
    with land.warehouse.connection() as connection:
        connection.execute("alter table intercom.things drop column open")
    assert land(without, {"id": "1", "name": "a", "ordinal": 7}).changes.unchanged == 1


def test_rule_3_a_commit_that_fails_leaves_the_table_and_the_state_as_they_were(
    land: Lands, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = land(MERGED, {"id": "1", "name": "a", "updated_at": MONDAY})
    before = land.rows()

    def fail(*_: Any) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr("intercom_assets.warehouse.bookkeeping.Bookkeeping.remember", fail)
    state = SyncState().with_complete(0, 99)
    with pytest.raises(RuntimeError, match="disk full"):
        landing.commit([Batch([{"id": "2", "unheard_of": 1, "count": "many"}], state)])
    monkeypatch.undo()
    assert land.rows() == before
    assert (
        Landing(land.warehouse, "things", MERGED, "workspace", "next").stored.state == SyncState()
    )


def test_rule_4_a_full_table_is_replaced_as_a_whole(land: Lands) -> None:
    land(REPLACED, {"name": "a", "count": 1}, {"name": "b"})
    stamp = dict(land.rows("name, _synced_at"))["b"]
    changes = land(REPLACED, {"name": "a", "count": 2}, {"name": "b"}, {"name": "c"}).changes
    assert land.rows("name, count") == [("a", 2), ("b", None), ("c", None)]
    assert dict(land.rows("name, _synced_at"))["b"] == stamp, "an equal row keeps its _synced_at"
    assert (changes.inserted, changes.updated, changes.unchanged) == (1, 1, 1)
    assert land(REPLACED, {"name": "c"}).changes.deleted == 2
    assert land.rows("name") == [("c",)]


def test_rule_4_two_records_with_one_key_both_land(land: Lands) -> None:
    same = {"name": "plan", "count": 1}
    for _ in range(2):
        land(REPLACED, same, {"name": "plan", "count": 2}, dict(same))
        assert land.rows("name, count") == [("plan", 1), ("plan", 1), ("plan", 2)]


def test_rule_4_nothing_is_replaced_before_the_last_page(land: Lands) -> None:
    land(REPLACED, {"name": "a"})
    landing = Landing(land.warehouse, "things", REPLACED, "workspace", "killed")
    landing.commit([Batch([{"name": "b"}], SyncState())])
    assert land.rows("name") == [("a",)]
    land(REPLACED, {"name": "c"})  # what the killed run had staged is of no account
    assert land.rows("name") == [("c",)]


def test_rule_4_an_empty_answer_keeps_the_rows_and_fails(land: Lands) -> None:
    land(REPLACED, {"name": "a"})
    landing = Landing(land.warehouse, "things", REPLACED, "workspace", "run")
    with pytest.raises(EmptySource, match="allow_empty: true"):
        landing.replace([], allow_empty=False)
    assert land.rows("name") == [("a",)]
    landing.replace([], allow_empty=True)
    assert land.rows("name") == []


def test_rule_4_an_empty_answer_of_intercom_fails_loudly(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("tags")
    for tag in list(sandbox.workspace.tags):
        sandbox.workspace.delete("tags", tag)
    result = project.run("tags", raise_on_error=False)
    assert not result.success
    assert project.query("select count(*) from intercom.tags")[0][0] > 0
    project.run("tags", allow_empty=True)
    assert project.query("select count(*) from intercom.tags where _deleted_at is null") == [(0,)]


@pytest.mark.long
def test_rule_4_what_is_read_whole_lands_whatever_its_updated_at(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("segments", "company_segments", "companies")
    space = sandbox.workspace
    for collection, field in (("segments", "count"), ("companies", "session_count")):
        first = next(iter(getattr(space, collection)))
        space.update(collection, first, touch=False, **{field: 123_456})
    project.run("segments", "company_segments", "companies")
    assert project.differences("segments", "company_segments", "companies") == {}
    assert project.metadata("segments")["intercom/updated"] == 1


def test_rule_5_unknown_fields_become_json_columns(land: Lands) -> None:
    landing = land(MERGED, {"id": "1", "nick": "x", "deep": {"a": [1]}, "nothing": None})
    assert landing.changes.new_columns == ["nick", "deep", "nothing"]
    assert {land.types()[name] for name in ("nick", "deep", "nothing")} == {"JSON"}
    assert land.rows("nick, deep, nothing") == [('"x"', '{"a":[1]}', None)]


@pytest.mark.long
@pytest.mark.parametrize(
    ("column", "before", "after", "kind", "rows"),
    [
        ("count", 5, "many", "VARCHAR", ["5", "many"]),
        ("count", 5, 2**63, "VARCHAR", ["5", "9223372036854775808"]),
        ("count", 5, 1.5, "VARCHAR", ["5", "1.5"]),
        ("count", 5, True, "VARCHAR", ["5", "true"]),
        ("count", 5, {"a": 1}, "JSON", ["5", '{"a":1}']),
        ("price", 1.5, 2**60 + 1, "VARCHAR", ["1.5", "1152921504606846977"]),
        ("price", 1.5, False, "VARCHAR", ["1.5", "false"]),
        ("open", True, "maybe", "VARCHAR", ["true", "maybe"]),
        ("open", True, 1, "VARCHAR", ["true", "1"]),
        ("name", "a", [1], "JSON", ['"a"', "[1]"]),
        ("updated_at", MONDAY, "soon", "VARCHAR", [MONDAY, "soon"]),
        ("updated_at", MONDAY, {"a": 1}, "JSON", [f'"{MONDAY}"', '{"a":1}']),
    ],
)
def test_rule_5_a_value_that_does_not_fit_widens_its_column(
    land: Lands, column: str, before: Any, after: Any, kind: str, rows: list[str]
) -> None:
    land(BY_CONTENT, {"id": "1", column: before})
    landing = land(BY_CONTENT, *({"id": id, column: after} for id in "234"))
    assert landing.changes.widened == {column: kind}
    assert land.types()[column] == kind
    assert land.rows(column, "id") == [(rows[0],), *[(rows[1],)] * 3]
    land(BY_CONTENT, {"id": "5", column: before}, {"id": "6", column: after})
    assert land.rows(column, "id")[4:] == [(row,) for row in rows]


def test_rule_5_a_number_or_boolean_fits_a_text_column_as_text(land: Lands) -> None:
    land(MERGED, {"id": "1", "name": 5}, {"id": "2", "name": True}, {"id": "3", "name": 2**70})
    assert land.rows("name", "id") == [("5",), ("true",), (str(2**70),)]


def test_rule_5_names_that_differ_in_case_only_get_columns_of_their_own(land: Lands) -> None:
    record = {"id": "1", "name": "a", "Name": "b", "NAME": "c", "name__2": "d", "_synced_at": "e"}
    for _ in range(2):  # the second load finds the same columns again
        landing = land(MERGED, record)
        with land.warehouse.connection() as connection:
            renamed = book(land.database, "_columns", "things")
            columns = dict(
                connection.execute(f"select field, column_name from {renamed}").fetchall()
            )
        assert columns["Name"] == "name__2"
        found = land.rows(", ".join(f'"{columns.get(name, name)}"' for name in record))[0]
        assert [json.loads(v) if v and v[0] == '"' else v for v in found] == list(record.values())
    assert landing.changes.unchanged == 1


@pytest.mark.parametrize(
    "name",
    ['qu"ote', "dot.ted", "sp ace", "emoji 😀", "", "nul\0", "row", "copy", "_ordinal", "select"],
)
def test_rule_5_any_name_is_a_column(land: Lands, name: str) -> None:
    for spec in (MERGED, REPLACED):
        land(spec, {"id": "1", "name": "a", name: "value"})
        assert '"value"' in land.rows()[0]


def test_rule_5_everything_noteworthy_is_named_in_metadata(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("tags")
    for tag in sandbox.workspace.tags:
        new = {"Name": "X", "colour": "red", "name": {"en": "x"}}
        sandbox.workspace.update("tags", tag, touch=False, **new)
    project.run("tags")
    told = project.metadata("tags")
    assert told["intercom/new_columns"] == ["name__2", "colour"]
    assert told["intercom/renamed_columns"] == {"Name": "name__2"}
    assert told["intercom/widened_columns"] == {"name": "JSON"}
    assert project.differences("tags") == {}


def test_rule_5_a_list_that_intercom_cut_keeps_its_envelope(land: Lands) -> None:
    regular = RecordTransformer(SCHEMA)
    whole = {"type": "tag.list", "tags": [{"id": "1"}], "total_count": 1, "has_more": False}
    assert regular({"tags": whole})["tags"] == [{"id": "1"}]
    cut = {**whole, "total_count": 2, "has_more": True}
    assert regular({"tags": cut})["tags"] == cut
    more = {**whole, "something": "else"}
    assert regular({"tags": more})["tags"] == more


def test_rule_6_ids_are_text_whatever_they_came_as() -> None:
    schema = {
        "properties": {
            name: {"type": ["null", "string"]}
            for name in ("id", "owner_id", "admin_assignee_id", "team_assignee_id")
        }
    }
    regular = RecordTransformer(schema)
    assert regular({"id": 5, "owner_id": 0, "admin_assignee_id": 7}) == {
        "id": "5",
        "owner_id": "0",
        "admin_assignee_id": "7",
    }
    for nobody in (0, "0", "", None):
        assert regular({"team_assignee_id": nobody}) == {"team_assignee_id": None}


def test_rule_6_odd_text_does_not_stop_a_load(land: Lands) -> None:
    land(MERGED, {"id": "1", "name": "a\0b", "extra": {"x\0": "\u202e😀"}})
    assert land.rows("name, extra") == [("a\0b", '{"x\\u0000":"\u202e😀"}')]


def test_rule_6_integers_inside_json_keep_every_digit(land: Lands) -> None:
    land(MERGED, {"id": "1", "extra": {"n": 2**70 + 1, "f": 0.1}})
    assert land.rows("extra") == [(f'{{"n":{2**70 + 1},"f":0.1}}',)]


def test_a_column_that_somebody_dropped_comes_back(land: Lands) -> None:
    land(MERGED, {"id": "1", "name": "a", "updated_at": MONDAY})
    with land.warehouse.connection() as connection:
        connection.execute("alter table intercom.things drop column name")
    land(MERGED, {"id": "1", "name": "b", "updated_at": TUESDAY})
    assert land.rows("id, name") == [("1", "b")]


def test_a_table_of_another_make_is_refused(land: Lands) -> None:
    with land.warehouse.connection() as connection:
        connection.execute("create schema intercom")
        connection.execute("create table intercom.things (id uuid, name integer[])")
    with pytest.raises(IncompatibleTable, match="Rename or drop"):
        land(MERGED, {"id": "1"})


def test_columns_tell_what_they_hold(land: Lands) -> None:
    land(MERGED, {"id": "1"})
    with land.warehouse.connection() as connection:
        comments = connection.execute(
            "select comment from duckdb_columns() "
            "where table_name = 'things' and column_name = 'id'"
        ).fetchall()
    assert comments == [("The key's value",)]


def test_rule_6_a_workspace_of_odd_records_lands_in_full(
    make_project: Callable[..., Project],
) -> None:
    with Sandbox(contacts=3, companies=3, conversations=3) as sandbox:
        project = make_project(sandbox)
        odd = {
            "signed_up_at": -86_400,
            "last_seen_at": 1_700_000_000_123,
            "last_replied_at": "2024-01-31T00:00:00Z",
            "last_contacted_at": 0,
            "owner_id": 12,
            "custom_attributes": {"big": 2**70, "nul": "a\0b", 'x.y "z" 😀': None},
            "phone": 5,
            "Email": "case",
        }
        for number, (name, value) in enumerate(odd.items()):
            sandbox.workspace.create("contacts", **{name: value}, name=f"odd {number}")
        project.run("contacts")
        assert project.differences("contacts") == {}
