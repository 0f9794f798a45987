"""Processes that change the same table of a lake at once: one of them does its part again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import duckdb
import pytest

from intercom_assets.models.fivetran import make_fivetran_views
from intercom_assets.models.making import make_relations
from intercom_assets.streams.records import Batch, Gone, Parent
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.obituaries import note
from intercom_assets.warehouse.spec import MARK, REMOVE, TableSpec
from intercom_assets_tests.warehouses import (
    LAKE,
    Database,
    book,
    extension_directory,
    opened,
    warehouse_of,
)

pytestmark = [
    pytest.mark.every_kind,
    pytest.mark.slow,
    pytest.mark.skipif(extension_directory() is None, reason="`make test-lake` has extensions"),
]
WHEN = {"type": ["string", "null"], "format": "date-time"}
TEXT = {"type": ["string", "null"]}
MONDAY = "2024-01-01T00:00:00Z"


@pytest.fixture
def database(
    at: Callable[[str], Database], warehouse_kind: str, monkeypatch: pytest.MonkeyPatch
) -> Database:
    if warehouse_kind != LAKE:
        pytest.skip("only one process at a time has a file open")
    # As between processes, which have no lock in common.
    monkeypatch.setattr("intercom_assets.warehouse.database._writing", nullcontext())
    return at("conflicts.duckdb")


def spec_of(mode: str = MARK, **columns: Any) -> TableSpec:
    return TableSpec(
        key=("id",),
        schema={"properties": {"id": TEXT, "updated_at": WHEN, **columns}},
        replace=False,
        version="updated_at",
        on_delete=mode,
        children={"conversations": {"conversation_parts": "conversation_id"}},
    )


def land(store: Warehouse, name: str, *records: dict[str, Any], mode: str = MARK) -> Landing:
    columns = {"conversation_id": TEXT} if name == "conversation_parts" else {}
    landing = Landing(store, name, spec_of(mode, **columns), "here", f"run of {name}")
    regular = [{"updated_at": MONDAY, **record} for record in records]
    landing.commit([Batch(regular, SyncState())])
    return landing


def interfere(monkeypatch: pytest.MonkeyPatch, store: Warehouse, query: str) -> list[str]:
    """Has somebody else come in the way of the next transaction that executes so."""
    came: list[str] = []
    transaction = Warehouse.transaction

    def disturbed(warehouse: Warehouse) -> Any:
        context = transaction(warehouse)
        if warehouse is not store or came:
            return context
        return _Disturbed(context, came, store, query)

    monkeypatch.setattr(Warehouse, "transaction", disturbed)
    return came


class _Disturbed:
    def __init__(self, context: Any, came: list[str], store: Warehouse, query: str) -> None:
        self._context, self._came, self._store, self._query = context, came, store, query

    def __enter__(self) -> Any:
        return self._context.__enter__()

    def __exit__(self, *problem: Any) -> Any:
        with self._store._connect() as other:
            other.execute(self._query)
        self._came.append(self._query)
        return self._context.__exit__(*problem)


def test_a_relation_is_made_although_another_run_makes_one_at_the_same_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = warehouse_of(database)
    land(store, "teams", {"id": "1"})
    list(make_relations(store, "teams"))
    with opened(database) as connection:
        connection.execute("update intercom._relations set definition = 'of an earlier release'")
    changed = "update intercom._relations set definition = 'another, meanwhile'"
    came = interfere(monkeypatch, store, changed)
    made = list(make_relations(store, "teams"))
    assert came and [(m.problem, m.is_new) for m in made] == [(None, True)] * len(made)
    with opened(database) as connection:
        [(definition,)] = connection.execute(
            "select definition from intercom._relations where name = 'team_admins'"
        ).fetchall()
    assert "admin_ids" in definition


def test_views_of_fivetrans_names_are_made_although_somebody_makes_them_at_the_same_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = warehouse_of(database)
    land(store, "tags", {"id": "1"})
    came = interfere(monkeypatch, store, "create schema fivetran")
    assert make_fivetran_views(store, "tags", "fivetran")
    assert came


def test_a_transaction_that_always_meets_somebody_fails_in_the_end(database: Database) -> None:
    store = warehouse_of(database)
    land(store, "tags", {"id": "1"})
    tries = []

    def work(connection: Any) -> None:
        tries.append(connection)
        connection.execute("update intercom.tags set updated_at = now()")
        with store._connect() as other:
            other.execute("update intercom.tags set updated_at = now()")

    store.kind = type(store.kind)(**{**vars(store.kind), "attempts": 3})
    with pytest.raises(Exception, match="Failed to commit"):
        store.write(work)
    assert len(tries) == 3


@pytest.mark.parametrize("mode", [MARK, REMOVE])
@pytest.mark.parametrize("first", ["the mark", "the part"])
def test_a_part_that_lands_while_its_conversation_is_being_marked_goes_with_it(
    database: Database, mode: str, first: str
) -> None:
    """Neither sees what the other one is about to commit; who comes second begins again."""
    store, other = warehouse_of(database), warehouse_of(database)
    land(store, "conversations", {"id": "7"}, {"id": "8"}, mode=mode)
    parts = land(other, "conversation_parts", {"id": "1", "conversation_id": "8"}, mode=mode)
    gone = [Gone("conversations", "7", 4_000_000_000)]
    landed: list[Any] = []

    def mark(connection: Any) -> None:
        note(store.books(connection), spec_of(mode), gone)
        if first == "the part" and not landed:
            landed.append(put())

    def put() -> None:
        record = {"id": "2", "conversation_id": "7", "updated_at": MONDAY}
        parent = Parent("7", 1_704_067_200, 1_704_067_300)
        parts.commit([Batch([record], SyncState(), fetched=(parent,))])

    if first == "the part":
        store.write(mark)
    else:
        committed = _after_its_rows(parts, lambda: store.write(mark))
        put()
        assert committed == [True]
    with opened(database) as connection:
        alive = connection.execute(
            "select id from intercom.conversation_parts where _deleted_at is null order by id"
        ).fetchall()
        ledger = book(database, "_ledger", "conversation_parts")
        known = connection.execute(f"select parent_id from {ledger}").fetchall()
    assert alive == [("1",)]
    assert known == ([("7",)] if mode == MARK else [])


def _after_its_rows(landing: Landing, do: Callable[[], None]) -> list[bool]:
    """Has something happen between a commit's statements and the commit itself, once."""
    done: list[bool] = []
    remember = landing.remember

    def remembered(state: Any, connection: Any) -> None:
        remember(state, connection)
        if not done:
            done.append(True)
            do()

    landing.remember = remembered  # type: ignore[method-assign]
    return done


# Of no rows; DuckDB 1.5 breaks over it once in some hundreds of times (duckdb/duckdb#22352).
BREAKS = """
    with one as (select i from range(1) r(i)),
    none as (
        from one where i >= 5000
        union all from one where not exists (from one where i >= 5000)
    )
    select i, count(*) over () from none order by i desc limit 5
"""


def test_a_process_outlives_a_broken_instance_and_does_its_transaction_in_another(
    database: Database,
) -> None:
    store = warehouse_of(database)
    tries: list[int] = []

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        tries.append(0)
        connection.execute("create schema if not exists intercom")
        connection.execute("create table if not exists intercom.tries as select 1 as n")
        if len(tries) == 1:
            break_instance(connection)
            connection.execute("insert into intercom.tries values (2)")
        [(rows,)] = connection.execute("select count(*) from intercom.tries").fetchall()
        return int(rows)

    assert store.write(work) == 1
    assert len(tries) == 2
    assert store.ask(lambda connection: connection.execute("select 7").fetchall()) == [(7,)]


def break_instance(connection: duckdb.DuckDBPyConnection) -> None:
    with connection.cursor() as other, suppress(duckdb.InternalException):
        for _ in range(5_000):
            other.execute(BREAKS).fetchall()
        pytest.skip("this DuckDB does not break over it")
