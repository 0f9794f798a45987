"""How a staged list takes the place of a whole table, of which it may hold most rows already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.changes import Changes
from intercom_assets.warehouse.names import COPY, ROW, SYNCED_AT, comma, quote
from intercom_assets.warehouse.samples import samples_of_exchange
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.warehouse.statements import insert_rows, one


def exchange(
    connection: DuckDBPyConnection,
    table: str,
    staging: str,
    columns: Mapping[str, str],
    spec: TableSpec,
) -> Changes:
    """Makes a table hold what its staging table holds; equal rows keep their _synced_at.

    Args:
        connection: An open connection, in a transaction.
        table: The table's qualified name.
        staging: The staging table's.
        columns: Types of the table's columns, by name.
        spec: What belongs in it.
    """
    columns = {name: kind for name, kind in columns.items() if name != SYNCED_AT}
    names = comma(columns)
    for target, source, row in (
        ("_old", table, f"rowid as {ROW}, "),
        ("_new", staging, ""),
    ):
        # Rows can be equal in everything: the n-th copy matches the n-th copy.
        connection.execute(
            f"create or replace temp table {target} as select {row}{names}, "
            f"row_number() over (partition by {names}) as {COPY} from {source}"
        )
    equal = _equal(columns) + f" and _old.{COPY} = _new.{COPY}"
    keyed = _equal(spec.key)
    changes = Changes(
        unchanged=one(
            connection,
            f"select count(*) from _new where exists (from _old where {equal})",
        ),
        updated=one(
            connection,
            f"select count(*) from _new where not exists (from _old where {equal}) "
            f"and exists (from _old where {keyed})",
        ),
        samples=samples_of_exchange(connection, columns, spec, equal),
    )
    total, before = (one(connection, f"select count(*) from {name}") for name in ("_new", table))
    changes.inserted = total - changes.unchanged - changes.updated
    changes.deleted = max(0, before - changes.unchanged - changes.updated)
    connection.execute(
        f"delete from {table} where rowid in "
        f"(select {ROW} from _old where not exists (from _new where {equal}))"
    )
    insert_rows(
        connection,
        table,
        f"select {names} from _new where not exists (from _old where {equal})",
    )
    return changes


def _equal(columns: Iterable[str]) -> str:
    return " and ".join(
        f"_old.{quote(name)} is not distinct from _new.{quote(name)}" for name in columns
    )
