"""Which tables there are."""

from __future__ import annotations

from duckdb import DuckDBPyConnection


def tables_in(connection: DuckDBPyConnection, schema: str) -> set[str]:
    """The names of a schema's tables and views, in lower case.

    Not by information_schema, which asks how large each table is: of a lake that takes half a
    second, and breaks the instance now and then (DuckDB 1.5.5).
    """
    rows = connection.execute(
        "select distinct lower(table_name) from duckdb_columns() "
        "where database_name = current_database() and lower(schema_name) = lower(?)",
        [schema],
    ).fetchall()
    return {name for (name,) in rows}
