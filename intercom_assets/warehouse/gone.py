"""What becomes of rows that are gone at the source: they are marked, or removed, and so is what
hangs on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.books import Books
from intercom_assets.warehouse.names import DELETED_AT, ROW, SYNCED_AT, path, quote
from intercom_assets.warehouse.ours import add_ours
from intercom_assets.warehouse.spec import REMOVE, TableSpec
from intercom_assets.warehouse.statements import exists, one
from intercom_assets.warehouse.versions import end_versions, versions_of

_MARK = f"{quote(DELETED_AT)} = g.at, {quote(SYNCED_AT)} = now()"


def take_away(
    books: Books,
    name: str,
    spec: TableSpec,
    which: str,
    values: Mapping[str, Any] | None = None,
    at: str = "now()",
) -> int:
    """Marks or removes rows of a table, and those of other tables that go with them.

    Args:
        books: Our own tables, in a transaction.
        name: The table.
        spec: What becomes of rows, and which tables hang on this one.
        which: The rows `t`, as SQL.
        values: Of parameters in it.
        at: Since when they are gone, as SQL.

    Returns:
        How many of the table's rows went that had not been marked.
    """
    connection, schema = books.connection, books.schema
    table, is_removed = path(connection, schema, name), spec.on_delete == REMOVE
    children = {
        child: column
        for child, column in spec.children.get(name, {}).items()
        if exists(connection, schema, child)
    }
    versions = versions_of(connection, schema, name)
    by_id = bool(children or versions)
    alive = f"t.{quote(DELETED_AT)} is null"
    connection.execute(
        f"create or replace temp table _going as select t.rowid as {ROW}, {at} as at, {alive} as "
        f"alive{', t.id::varchar as id' if by_id else ''} from {table} t where ({which})"
        f"{'' if is_removed else f' and {alive}'}",
        dict(values or {}),
    )
    if not one(connection, "select count(*) from _going"):
        return 0
    if is_removed:
        connection.execute(f"delete from {table} where rowid in (select {ROW} from _going)")
    else:
        connection.execute(f"update {table} t set {_MARK} from _going g where t.rowid = g.{ROW}")
    if versions:
        end_versions(connection, versions, "_going", is_removed)
    for child, column in children.items():
        _take_children(books, child, column, is_removed)
    return one(connection, "select count(*) from _going where alive")


def _take_children(books: Books, child: str, column: str, is_removed: bool) -> None:
    books.meet(child)
    run = books.connection.execute
    table = path(books.connection, books.schema, child)
    if not is_removed:
        add_ours(books.connection, table)
        run(
            f"update {table} c set {_MARK} from _going g "
            f"where c.{quote(column)} = g.id and c.{quote(DELETED_AT)} is null"
        )
        return
    run(f"delete from {table} where {quote(column)} in (select id from _going)")
    # Should one come again, its children are read again.
    run(
        f"delete from {books.table('_ledger', child)} "
        "where stream = ? and parent_id in (select id from _going)",
        [child],
    )


def bring_back(
    connection: DuckDBPyConnection, schema: str, name: str, spec: TableSpec, back: str
) -> None:
    """Takes the marks off what went with rows that have come again.

    Args:
        connection: An open connection, in a transaction.
        schema: The schema of the tables.
        name: The table of the rows.
        spec: Which tables hang on it.
        back: A query for their `id`, and `at` when they had been marked.
    """
    for child, column in spec.children.get(name, {}).items():
        if exists(connection, schema, child):
            connection.execute(
                f"update {path(connection, schema, child)} c set {quote(DELETED_AT)} = null, "
                f"{quote(SYNCED_AT)} = now() from ({back}) b "
                f"where c.{quote(column)} = b.id and c.{quote(DELETED_AT)} = b.at"
            )
