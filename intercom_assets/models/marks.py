"""Rows that are gone at Intercom, deleted or merged into another: they stay in tables, marked."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

# Columns that mark them, with their types.
MARKS = {"_deleted_at": "timestamptz", "_merged_into": "varchar"}


def count_marked(connection: DuckDBPyConnection, table: str) -> int:
    """How many rows of a table are marked.

    Args:
        connection: To where it is.
        table: It, as SQL.
    """
    columns = [name for name, *_ in connection.execute(f"describe {table}").fetchall()]
    marked = " or ".join(f"{name} is not null" for name in MARKS if name in columns)
    if not marked:
        return 0
    row = connection.execute(f"select count(*) from {table} where {marked}").fetchone()
    return int(row[0]) if row else 0
