"""Where the versions of a table's rows are, and what becomes of those whose row is gone."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.names import DELETED_AT, VALID_FROM, VALID_TO, path, quote
from intercom_assets.warehouse.statements import exists


def history_of(name: str) -> str:
    """The table that keeps the versions of a table's rows."""
    return f"{name}_history"


def versions_of(connection: DuckDBPyConnection, schema: str, name: str) -> str | None:
    """The qualified name of the table that keeps the versions of a table's rows, if there is one.

    Args:
        connection: An open connection.
        schema: The table's schema.
        name: The table.
    """
    own = history_of(name)
    return path(connection, schema, own) if exists(connection, schema, own) else None


def end_versions(connection: DuckDBPyConnection, table: str, going: str, is_removed: bool) -> None:
    """Ends the versions of rows that are gone, or removes all of these rows' versions.

    Args:
        connection: An open connection, in a transaction.
        table: The table of the versions, qualified.
        going: A table of these rows' `id`, and `at` when they went.
        is_removed: Whether the rows are removed.
    """
    if is_removed:
        connection.execute(f"delete from {table} where id in (select id from {going})")
        return
    # A search may list for a while what is gone: a version that came back by that is none.
    connection.execute(
        f"delete from {table} as v using {going} g where v.id = g.id "
        f"and v.{quote(VALID_TO)} is null and v.{quote(VALID_FROM)} >= g.at "
        f"and exists (from {table} o where o.id = g.id and o.{quote(DELETED_AT)} = g.at)"
    )
    connection.execute(
        f"update {table} v set {quote(DELETED_AT)} = g.at, "
        f"{quote(VALID_TO)} = greatest(v.{quote(VALID_FROM)}, g.at) "
        f"from {going} g where v.id = g.id and v.{quote(VALID_TO)} is null"
    )
