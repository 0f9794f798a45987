"""How a staged list takes the place of a whole table, of which it may hold most rows already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from intercom_assets.warehouse.books import Books
from intercom_assets.warehouse.changes import Changes
from intercom_assets.warehouse.gone import take_away
from intercom_assets.warehouse.names import COPY, ROW, SYNCED_AT, comma, path, quote
from intercom_assets.warehouse.samples import samples_of_exchange
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.warehouse.statements import insert_rows, living, one


def exchange(
    books: Books,
    name: str,
    staging: str,
    columns: Mapping[str, str],
    spec: TableSpec,
) -> Changes:
    """Makes a table hold what its staging table holds; equal rows keep their _synced_at.

    What that one lacks is gone: marked or removed.

    Args:
        books: Our own tables, in a transaction.
        name: The table.
        staging: The staging table's qualified name.
        columns: Types of the table's columns, by name.
        spec: What belongs in it.
    """
    connection = books.connection
    table = path(connection, books.schema, name)
    columns = {column: kind for column, kind in columns.items() if column != SYNCED_AT}
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
            f"and exists (from {living('_old')} _old where {keyed})",
        ),
        samples=samples_of_exchange(connection, columns, spec, equal),
    )
    total, before = (
        one(connection, f"select count(*) from {rows}") for rows in ("_new", living(table))
    )
    changes.inserted = total - changes.unchanged - changes.updated
    changes.deleted = max(0, before - changes.unchanged - changes.updated)
    lacking = f"select {ROW} from _old where not exists (from _new where {keyed})"
    take_away(books, name, spec, f"t.rowid in ({lacking})")
    connection.execute(
        f"delete from {table} where rowid in (select {ROW} from _old "
        f"where not exists (from _new where {equal}) and exists (from _new where {keyed}))"
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
