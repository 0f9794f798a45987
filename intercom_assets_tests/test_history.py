"""Versions of rows: each one that a run has seen, and from when until when it held."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intercom_assets.client.errors import ConfigError
from intercom_assets.resources import IntercomResource
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import Batch
from intercom_assets.streams.records import Gone
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing
from intercom_assets.warehouse.spec import REMOVE, TableSpec
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.test_rules_records import BY_CONTENT, MERGED, Lands
from intercom_assets_tests.test_stateful import TINY, World
from intercom_assets_tests.warehouses import Database, opened

VERSIONS = replace(MERGED, history=True)
BY_READ = replace(BY_CONTENT, history=True)
KEPT = ("contacts", "companies", "conversations")
MERGED_TOO = {"contacts": ", _merged_into", "companies": "", "conversations": ""}
OURS = "_synced_at, _deleted_at, _valid_from, _valid_to"


pytestmark = pytest.mark.every_kind


@pytest.fixture
def land(at: Callable[[str], Database]) -> Lands:
    return Lands(at("history.duckdb"))


def day(number: int) -> str:
    return f"2024-01-{number:02}T00:00:00Z"


def moment(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=timezone.utc)


def versions(land: Lands, columns: str = "name, _valid_from, _valid_to") -> list[tuple[Any, ...]]:
    with land.warehouse.connection() as connection:
        return connection.execute(
            f"select {columns} from intercom.things_history order by id, _valid_from, _valid_to"
        ).fetchall()


def test_each_version_holds_until_the_next_one(land: Lands) -> None:
    land(VERSIONS, {"id": "1", "name": "old", "updated_at": day(1)})
    land(VERSIONS, {"id": "1", "name": "new", "updated_at": day(5)})
    land(VERSIONS, {"id": "1", "name": "new", "updated_at": day(5)})
    assert versions(land) == [("old", moment(1), moment(5)), ("new", moment(5), None)]


def test_what_comes_late_falls_into_its_place(land: Lands) -> None:
    for number in (7, 1, 5, 3):
        land(VERSIONS, {"id": "1", "name": str(number), "updated_at": day(number)})
    ends = [3, 5, 7, None]
    assert versions(land) == [
        (str(begins), moment(begins), end and moment(end))
        for begins, end in zip((1, 3, 5, 7), ends, strict=True)
    ]
    assert land.rows("name") == [("7",)]


def test_two_versions_of_one_commit_are_both_kept(land: Lands) -> None:
    land(
        VERSIONS,
        {"id": "1", "name": "new", "updated_at": day(5)},
        {"id": "1", "name": "old", "updated_at": day(1)},
    )
    assert [name for name, *_ in versions(land)] == ["old", "new"]


def test_what_changes_without_its_time_holds_from_when_it_was_seen(land: Lands) -> None:
    for spec in (VERSIONS, BY_READ):
        began = datetime.now(timezone.utc)
        land(spec, {"id": spec.version or "-", "name": "old", "updated_at": day(1)})
        land(spec, {"id": spec.version or "-", "name": "new", "updated_at": day(1)})
    for old, new in (versions(land)[:2], versions(land)[2:]):
        assert old[0], new[0] == ("old", "new")
        assert old[1] == moment(1) and old[2] == new[1] and new[2] is None
        assert new[1] >= began - timedelta(seconds=5)


def test_a_list_that_is_read_whole_goes_by_the_later_read(land: Lands) -> None:
    """Its records' times may stay, or go back: what was read last is what holds."""
    for name, number in (("a", 3), ("b", 3), ("c", 2), ("d", 9)):
        land(BY_READ, {"id": "1", "name": name, "updated_at": day(number)})
    with land.warehouse.connection() as connection:
        found = connection.execute(
            "select name from intercom.things_history order by _synced_at"
        ).fetchall()
        assert found == [("a",), ("b",), ("c",), ("d",)]
    assert [name for name, _, until in versions(land) if until is None] == ["d"]


def test_a_widened_column_is_wider_in_the_history_too(land: Lands) -> None:
    land(VERSIONS, {"id": "1", "count": 5, "updated_at": day(1)})
    for number in range(2, 6):
        land(VERSIONS, {"id": str(number), "count": f"n{number}", "updated_at": day(number)})
    texts = [{"id": str(n), "count": f"n{n}", "updated_at": day(8)} for n in range(1, 6)]
    land(VERSIONS, *texts)
    assert land.types()["count"] == "VARCHAR"
    found = set(versions(land, "id, count"))
    assert {("1", "5"), ("1", "n1"), ("2", "n2")} <= found


def test_a_column_that_comes_late_is_added(land: Lands) -> None:
    land(VERSIONS, {"id": "1", "name": "a", "updated_at": day(1)})
    land(VERSIONS, {"id": "1", "name": "a", "updated_at": day(2), "Name": "b", "more": {"c": 1}})
    assert versions(land, "name, name__2, more") == [
        ("a", None, None),
        ("a", '"b"', '{"c":1}'),
    ]


def test_rows_that_landed_without_history_are_taken_in(land: Lands) -> None:
    """Those from before it was wanted, and those from while it was not."""
    land(MERGED, {"id": "1", "name": "a", "updated_at": day(1)})
    land(VERSIONS)
    assert versions(land) == [("a", moment(1), None)]
    land(MERGED, {"id": "1", "name": "b", "updated_at": day(2)}, {"id": "2", "updated_at": day(3)})
    land(MERGED, *[{"id": f"{n}", "count": "x", "updated_at": day(4)} for n in range(3, 7)])
    land(VERSIONS, {"id": "1", "name": "c", "updated_at": day(9)})
    assert versions(land)[:3] == [
        ("a", moment(1), moment(2)),
        ("b", moment(2), moment(9)),
        ("c", moment(9), None),
    ]
    assert len(versions(land)) == 8


def test_nothing_is_kept_unless_it_is_wanted(land: Lands) -> None:
    land(MERGED, {"id": "1", "name": "a", "updated_at": day(1)})
    with land.warehouse.connection() as connection:
        assert not connection.execute(
            "select 1 from duckdb_tables() where table_name like '%_history'"
        ).fetchall()


def _refresh(land: Lands, spec: TableSpec, *records: dict[str, Any]) -> None:
    """A full refresh that meets these records only."""
    landing = Landing(land.warehouse, "things", spec, "workspace", "refresh")
    state = SyncState(refresh=1)
    landing.commit([Batch(list(records), state)])
    landing.sweep(SyncState(), allow_shrink=True)


def test_a_row_that_is_gone_ends_its_version_and_one_that_comes_back_begins_another(
    land: Lands,
) -> None:
    record = {"id": "1", "name": "a", "updated_at": day(1)}
    land(VERSIONS, record, {"id": "2", "updated_at": day(1)})
    _refresh(land, VERSIONS, {"id": "2", "updated_at": day(1)})
    [(name, begins, ends)] = versions(land)[:1]
    assert (name, begins) == ("a", moment(1)) and ends > moment(1)
    land(VERSIONS, record)
    (_, _, ends), (_, again, last) = versions(land)[:2]
    assert ends <= again and last is None
    assert land.rows("count(*) filter (_deleted_at is null)") == [(2,)]


def test_a_row_that_a_sweep_brings_back_begins_another_version(land: Lands) -> None:
    both = [{"id": id, "name": "a", "updated_at": day(1)} for id in "12"]
    land(VERSIONS, *both)
    _refresh(land, VERSIONS, both[1])
    sweep = Landing(land.warehouse, "things", VERSIONS, "workspace", "sweep")
    sweep.began = datetime.now(timezone.utc).timestamp()
    sweep.commit([Batch([{"id": id} for id in "12"], SyncState(), met=2)])
    sweep.sweep(SyncState(), allow_shrink=True)
    (_, begins, ends), (_, again, last), other = versions(land)
    assert begins == moment(1) and ends <= again and last is None
    assert other == ("a", moment(1), None)
    assert land.rows("count(*) filter (_deleted_at is null)") == [(2,)]


def test_a_row_that_is_removed_takes_its_versions_along(land: Lands) -> None:
    removing = replace(VERSIONS, on_delete=REMOVE)
    land(removing, {"id": "1", "updated_at": day(1)}, {"id": "2", "updated_at": day(1)})
    land(removing, {"id": "1", "updated_at": day(2)})
    _refresh(land, removing, {"id": "2", "updated_at": day(1)})
    assert versions(land, "id") == [("2",)]


records = st.tuples(st.sampled_from("pq"), st.integers(1, 5), st.sampled_from("abc"))
batches = st.lists(st.lists(records, min_size=1, max_size=4), min_size=1, max_size=6)


@pytest.mark.long
@settings(deadline=None, database=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(batches)
def test_versions_are_those_that_came_in_whatever_order(given: list[list[Any]]) -> None:
    """Of one time, what differs from what came before it; of two such in one commit, the last."""
    expected: dict[tuple[str, int], list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        land = Lands(Path(folder) / "history.duckdb")
        for batch in given:
            land(
                VERSIONS,
                *({"id": id, "name": name, "updated_at": day(n)} for id, n, name in batch),
            )
            for key, name in {(id, n): name for id, n, name in batch}.items():
                if expected[key][-1:] != [name]:
                    expected[key].append(name)
        found = versions(land, "id, updated_at, name, _valid_from, _valid_to, _synced_at")
        rows = land.rows("id, name, updated_at")
    for id in {id for id, _ in expected}:
        own = sorted((row for row in found if row[0] == id), key=lambda row: (row[1], row[5]))
        assert [row[1:3] for row in own] == [
            (moment(n), name)
            for other, n in sorted(expected)
            for name in expected[other, n]
            if other == id
        ]
        # No time in between is without a version, and none has two.
        assert [row[4] for row in own] == [row[3] for row in own[1:]] + [None]
        assert [row[3] for row in own] == sorted(row[3] for row in own)
        assert own[0][3] == own[0][1]
        assert [(id, own[-1][2], own[-1][1])] == [row for row in rows if row[0] == id]


class Watched(World):
    """A world whose tables' contents are noted at each boundary of a commit."""

    streams = history = KEPT

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.seen: dict[str, set[Any]] = defaultdict(set)

    def cross(self) -> None:
        found = self.rows({name: "_synced_at, _deleted_at" + MERGED_TOO[name] for name in KEPT})
        for name, rows in found.items():
            self.seen[name] |= rows
        super().cross()

    def rows(self, tables: dict[str, str], where: str = "true") -> dict[str, set[Any]]:
        """All rows of tables, without some of their columns."""
        found: dict[str, set[Any]] = {}
        with opened(self.database) as connection:
            for table, without in tables.items():
                with suppress(duckdb.CatalogException):
                    found[table] = set(
                        connection.execute(
                            f"select to_json(t)::varchar from (select * exclude ({without}) "
                            f"from intercom.{table} where {where}) t"
                        ).fetchall()
                    )
        return found

    def check(self) -> None:
        """Each version that a run has stored is kept, once, and no other; the open ones hold."""
        kept = self.rows({f"{name}_history": OURS + MERGED_TOO[name] for name in KEPT})
        assert kept == {f"{name}_history": self.seen[name] for name in KEPT}
        living = self.rows(dict.fromkeys(KEPT, "_synced_at, _deleted_at"), "_deleted_at is null")
        holding = self.rows({f"{name}_history": OURS for name in KEPT}, "_valid_to is null")
        assert holding == {f"{name}_history": living[name] for name in KEPT}


@pytest.mark.long
def test_versions_are_those_that_runs_have_stored_however_they_ended(
    tmp_path: Path, at: Callable[[str], Database]
) -> None:
    with Sandbox(**TINY, scroll_page_size=2, scroll_expiry=0.02) as sandbox:
        world = Watched(sandbox, tmp_path, 3, at("world.duckdb"))
        for operation in (world.die, world.change, world.die, world.live, world.change):
            operation()
        world.run()
        world.check()
        kept = {name: set(rows) for name, rows in world.seen.items()}
        world.run(full_refresh=True)
        world.check()
        assert world.seen == kept


@pytest.mark.long
def test_what_was_this_contact_on_that_day(project: Project) -> None:
    project.settings["history"] = ["contacts", "companies", "conversations", "tickets"]
    project.run("contacts", "companies")
    space = project.sandbox.workspace
    contact = next(c for c in space.contacts.values() if not c.get("merged"))
    before, changed = contact["name"], space.clock.now()
    space.clock.advance(90_000)
    space.update("contacts", contact["id"], name="Somebody Else")
    project.run("contacts", "companies")
    with opened(project.database) as connection:
        query = (
            "select name from intercom.contacts_history where id = ? and _valid_from <= ? "
            "and (_valid_to > ? or _valid_to is null)"
        )
        for moment, name in ((changed, before), (space.clock.now() + 1, "Somebody Else")):
            at = datetime.fromtimestamp(moment, timezone.utc)
            assert connection.execute(query, [contact["id"], at, at]).fetchall() == [(name,)]
        [(total, rows)] = connection.execute(
            "select (select count(*) from intercom.contacts_history), count(*) "
            "from intercom.contacts"
        ).fetchall()
        assert total == rows + 1


def test_a_misspelt_stream_is_told_when_the_definitions_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for wrong in ("contact", "tags", "conversation_parts"):
        with pytest.raises(ValueError, match=f"history has {wrong}"):
            IntercomResource(access_token="token", history=[wrong])
    monkeypatch.setenv("INTERCOM_HISTORY", "tickets, contacts")
    resource = IntercomResource(access_token="token")
    assert resource.streams_with_history() == ["contacts", "tickets"]
    monkeypatch.setenv("INTERCOM_HISTORY", "teams")
    with pytest.raises(ConfigError, match="history has teams"):
        resource.streams_with_history()


def test_what_a_search_still_lists_after_it_was_gone_is_no_version(land: Lands) -> None:
    spec = replace(VERSIONS, children={"things": {}})
    record = {"id": "1", "name": "a", "updated_at": day(1)}
    gone = Gone("things", "1", int(moment(3).timestamp()))
    landing = land(spec, record)
    landing.commit([Batch([], SyncState(), gone=(gone,))])
    for _ in range(3):
        late = Landing(land.warehouse, "things", spec, "workspace", "run")
        late.commit([Batch([record], SyncState())])
    assert versions(land) == [("a", moment(1), moment(3))]
    assert land.rows() == []
