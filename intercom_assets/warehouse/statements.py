"""Pieces of SQL that the ways into a table have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.encoding import JSON
from intercom_assets.warehouse.names import DELETED_AT, SYNCED_AT, quote


def one(connection: DuckDBPyConnection, query: str) -> int:
    """The one number that a query gives."""
    # To the end, or the connection would wait for the rest of the result.
    [(number,)] = connection.execute(query).fetchall()
    return int(number)


def tables_in(connection: DuckDBPyConnection, schema: str) -> set[str]:
    """The names of a schema's tables and views, in lower case."""
    # Not by duckdb_tables(), of which information_schema is made: it asks how large each table is,
    # those of a lake's catalogue in Postgres as well, which takes half a second, and the answer
    # now and then breaks the instance (DuckDB 1.5.5, "Information loss on integer cast").
    return set(columns_in(connection, schema))


def columns_in(connection: DuckDBPyConnection, schema: str) -> dict[str, set[str]]:
    """The columns of each of a schema's tables and views; all names in lower case."""
    rows = connection.execute(
        "select lower(table_name), list(lower(column_name)) from duckdb_columns() "
        "where database_name = current_database() and lower(schema_name) = lower(?) group by 1",
        [schema],
    ).fetchall()
    return {table: set(columns) for table, columns in rows}


def exists(connection: DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether there is a table."""
    return table.lower() in tables_in(connection, schema)


def moment(table: str, column: str) -> str:
    """A column as a time, if it is one, as SQL."""
    return f"try_cast({table}.{quote(column)} as timestamptz)"


def living(table: str) -> str:
    """The rows of a table that are not marked as gone, as SQL that stands for a table."""
    return f"(select * from {table} where {quote(DELETED_AT)} is null)"


# Of columns by name: the type, and what it tells.
Columns = Mapping[str, tuple[str, str | None]]


def create_table(connection: DuckDBPyConnection, table: str, columns: Columns) -> None:
    """Makes a table.

    Args:
        connection: An open connection, in a transaction.
        table: Its qualified name.
        columns: Its columns.
    """
    listed = ", ".join(f"{quote(name)} {kind}" for name, (kind, _) in columns.items())
    _run(connection, [f"create table {table} ({listed})", *_comments(table, columns)])


def add_columns(connection: DuckDBPyConnection, table: str, columns: Columns) -> None:
    """Gives a table more columns.

    Args:
        connection: An open connection, in a transaction.
        table: Its qualified name.
        columns: The columns, which it does not have.
    """
    added = [
        f"alter table {table} add column {quote(name)} {kind}"
        for name, (kind, _) in columns.items()
    ]
    _run(connection, [*added, *_comments(table, columns)])


def _comments(table: str, columns: Columns) -> list[str]:
    texts = {name: told.replace("'", "''") for name, (_, told) in columns.items() if told}
    return [f"comment on column {table}.{quote(name)} is '{text}'" for name, text in texts.items()]


def _run(connection: DuckDBPyConnection, statements: Sequence[str]) -> None:
    # In one call: beside other streams each call waits for its turn at Python's lock.
    if statements:
        connection.execute("; ".join(statements))


def insert_rows(connection: DuckDBPyConnection, table: str, query: str) -> None:
    """Adds what a query gives to a table, as changed now."""
    connection.execute(
        f"insert into {table} by name select *, now() as {quote(SYNCED_AT)} from ({query})"
    )


def agrees(columns: Mapping[str, str], names: Iterable[str]) -> str:
    """Whether a staged record `s` says what row `t` says in some columns, as SQL.

    Args:
        columns: Types of the table's columns, by name.
        names: Those that count.
    """
    return " and ".join(
        f"t.{quote(name)}::varchar is not distinct from s.{quote(name)}::varchar"
        if columns[name] == JSON
        else f"t.{quote(name)} is not distinct from s.{quote(name)}::{columns[name]}"
        for name in names
    )
