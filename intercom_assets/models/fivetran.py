"""Views of Fivetran's names and columns, for a dbt project that was written for its tables.

They show the present: of each record one version. Rows that are gone stay in them and say so, as at
Fivetran: by `_fivetran_deleted`, and since its package looks at that of histories by no means, by a
version that is active no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.models.declared import declared
from intercom_assets.models.making import Store
from intercom_assets.models.marks import MARKS
from intercom_assets.models.text import quote, text

_GONE = "(_deleted_at is not null or _merged_into is not null)"
# What every view has, in terms of our own columns.
_OURS = {
    "_fivetran_deleted": _GONE,
    "_fivetran_active": f"not {_GONE}",
    "_fivetran_start": "coalesce(updated_at, _synced_at)",
    "_fivetran_end": f"case when {_GONE} then coalesce(_deleted_at, _synced_at) "
    "else timestamptz '9999-12-31 23:59:59.999+00' end",
    "_fivetran_synced": "_synced_at",
}


@cache
def views() -> Mapping[str, Mapping[str, Any]]:
    """What each view is made of, by its name."""
    found: Mapping[str, Mapping[str, Any]] = declared(Path(__file__).with_suffix(".yml"))
    return found


def make_fivetran_views(store: Store, table: str, schema: str) -> list[str]:
    """Makes the views over a table that has just been written.

    Args:
        store: Where the table is.
        table: The table.
        schema: Schema of the views.

    Returns:
        The views that were made, or made anew; the others are as they should be.
    """
    wanted = {name: facts for name, facts in views().items() if facts["of"] == table}
    if not wanted:
        return []
    with store.connection() as connection:
        row = connection.execute("select current_database()").fetchone()
        database = str(row[0]) if row else ""
        there = connection.execute(
            "select view_name, comment from duckdb_views() "
            "where database_name = $database and schema_name = $schema",
            {"database": database, "schema": schema},
        ).fetchall()
    before = dict(there)
    source = f"{quote(store.schema)}.{quote(table)}"
    if database == store.schema:
        # Two parts of the name are ambiguous then, and of three DuckDB keeps two in a view.
        source = f"query_table({text(f'{quote(database)}.{source}')})"
    made = {name: sql_of(facts, source) for name, facts in wanted.items()}
    changed = {name: sql for name, sql in made.items() if before.get(name) != sql}
    if changed:
        target = f"{quote(database)}.{quote(schema)}"

        def create(connection: DuckDBPyConnection) -> None:
            connection.execute(f"create schema if not exists {target}")
            for name, sql in changed.items():
                connection.execute(f"create or replace view {target}.{quote(name)} as {sql}")
                connection.execute(f"comment on view {target}.{quote(name)} is {text(sql)}")

        store.write(create)
    return list(changed)


def sql_of(facts: Mapping[str, Any], table: str) -> str:
    """A view's SELECT.

    Args:
        facts: What it is made of.
        table: The table, as SQL.
    """
    reads = {**MARKS, "updated_at": "timestamptz", **facts["reads"]}
    lacking = ", ".join(f"null::{kind} as {quote(name)}" for name, kind in reads.items())
    rows = f"(from {table} union all by name select {lacking} where false)"
    if each := facts.get("each"):
        rows = f"(select *, unnest(json_extract({each}, '$[*]')) as item from {rows})"
    columns = ", ".join(
        f"{sql} as {quote(name)}" for name, sql in {**facts["columns"], **_OURS}.items()
    )
    return f"select {columns} from {rows}"
