"""Whether a commit to a DuckLake happened whose answer was lost; undone where only a half did.

When the catalogue's server goes away between a commit and its answer, DuckLake takes the commit for
failed and removes the files that it wrote, while the catalogue names them: whoever reads such a
table finds no file (seen with DuckLake 1.0 of DuckDB 1.5.5). So each transaction has a name, which
is looked up, and tables that lost files are made what they were before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets.warehouse.names import path, quote
from intercom_assets.warehouse.place import literal

AUTHOR = "intercom_assets"
LAKE = "current_database()"


def name_commit(connection: DuckDBPyConnection) -> str:
    """Names the transaction under way, as its snapshot will be called; gives the name."""
    given = uuid4().hex
    _call_it(connection, given)
    return given


def has_happened(connection: DuckDBPyConnection, given: str) -> bool:
    """Whether a transaction is committed, and whole. One that is not whole is undone.

    Args:
        connection: A connection that is in no transaction.
        given: The transaction's name.

    Raises:
        DatabaseUnavailable: When it is not whole, and another one has built upon it.
    """
    undoing = f"undoes {given}"
    found = dict(
        connection.execute(
            "select commit_message, snapshot_id "
            f"from ducklake_snapshots({LAKE}) where commit_message in (?, ?)",
            [given, undoing],
        ).fetchall()
    )
    if given not in found or undoing in found:
        return False
    tables = list(_touched(connection, found[given]))
    if all(_are_there(connection, table.files) for table in tables):
        return True
    _undo(connection, undoing, found[given], tables)
    return False


@dataclass(frozen=True)
class _Touched:
    """A table that a snapshot changed or made, and the files that it has since then."""

    schema: str
    name: str
    is_new: bool
    files: frozenset[str]


def _touched(connection: DuckDBPyConnection, snapshot: int) -> Iterator[_Touched]:
    # DuckLake tells the names of tables and the ids of their schemas, but not those schemas' names.
    candidates = connection.execute(
        "select distinct schema_name, table_name from duckdb_columns() where database_name = "
        "current_database() and table_name in (select table_name from "
        f"ducklake_table_info({LAKE}) where list_contains({_ids('?')}, table_id))",
        [snapshot],
    ).fetchall()
    for schema, table in candidates:
        files = _files(connection, schema, table, snapshot)
        before = _files(connection, schema, table, snapshot - 1)
        new = (files or frozenset()) - (before or frozenset())
        if new or before is None or _has_changes(connection, schema, table, snapshot):
            yield _Touched(schema, table, before is None, new)


def _files(
    connection: DuckDBPyConnection, schema: str, table: str, snapshot: int
) -> frozenset[str] | None:
    """The files of a table; None where it was not there."""
    try:
        rows = connection.execute(
            f"select unnest([data_file, delete_file]) from ducklake_list_files({LAKE}, "
            f"{literal(table)}, schema => {literal(schema)}, snapshot_version => {snapshot})"
        ).fetchall()
    except (duckdb.CatalogException, duckdb.InvalidInputException):
        return None
    return frozenset(file for (file,) in rows if file)


def _has_changes(connection: DuckDBPyConnection, schema: str, table: str, snapshot: int) -> bool:
    """Whether a snapshot changed rows that are in the catalogue itself."""
    given = f"{LAKE}, {literal(schema)}, {literal(table)}, {snapshot}, {snapshot}"
    query = f"select 1 from ducklake_table_changes({given}) limit 1"
    return bool(connection.execute(query).fetchall())


def _are_there(connection: DuckDBPyConnection, files: frozenset[str]) -> bool:
    if not files:
        return True
    try:
        query = "select count(size) from read_blob(?)"
        [(there,)] = connection.execute(query, [sorted(files)]).fetchall()
    except duckdb.Error as problem:
        if "404" in str(problem) or "No files found" in str(problem):
            return False
        raise
    return bool(there == len(files))


def _undo(
    connection: DuckDBPyConnection, undoing: str, snapshot: int, tables: list[_Touched]
) -> None:
    """Makes tables what they were before a snapshot, all or nothing."""
    [(later,)] = connection.execute(
        f"select max(snapshot_id) from ducklake_snapshots({LAKE}) where snapshot_id > "
        f"$1 and list_has_any(flatten(map_values(changes)), {_ids('$1')}::varchar[])",
        [snapshot],
    ).fetchall()
    if later is not None:
        names = ", ".join(f"{quote(table.schema)}.{quote(table.name)}" for table in tables)
        raise DatabaseUnavailable(
            f"{names} lost files of snapshot {snapshot}, since the catalogue went away during that "
            f"commit, and snapshot {later} has changed them since. For each of them: create or "
            f"replace table NAME as from NAME at (version => {snapshot - 1})"
        )
    connection.begin()
    try:
        _call_it(connection, undoing)
        for table in tables:
            here = path(connection, table.schema, table.name)
            connection.execute(
                f"drop table {here}"
                if table.is_new
                else f"create or replace table {here} as from {here} at (version => {snapshot - 1})"
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _call_it(connection: DuckDBPyConnection, message: str) -> None:
    given = f"{LAKE}, {literal(AUTHOR)}, {literal(message)}"
    connection.execute(f"call ducklake_set_commit_message({given})").fetchall()


def _ids(snapshot: str) -> str:
    """The ids of the tables that a snapshot changed, as SQL; the snapshot is a parameter."""
    return (
        "(select coalesce(list(id::bigint), []) from (select unnest(flatten(map_values(changes))) "
        f"as id from ducklake_snapshots({LAKE}) where snapshot_id = {snapshot}) "
        "where try_cast(id as bigint) is not null)"
    )
