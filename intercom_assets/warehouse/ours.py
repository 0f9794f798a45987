"""Columns of ours that tables have beside the fields of their records."""

from __future__ import annotations

from collections.abc import Container

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.encoding import TIMESTAMPTZ, VARCHAR
from intercom_assets.warehouse.names import DELETED_AT, MERGED_INTO, SYNCED_AT
from intercom_assets.warehouse.statements import Columns, add_columns

# Their types, and what they tell.
OURS: Columns = {
    SYNCED_AT: (TIMESTAMPTZ, "When this row last changed here"),
    DELETED_AT: (TIMESTAMPTZ, "Since when it is gone at Intercom; null: it is there"),
    MERGED_INTO: (VARCHAR, "The id of the record that it was merged into"),
}


def ours_of(merged: bool, found: Container[str] = ()) -> Columns:
    """Columns of ours that a table lacks.

    Args:
        merged: Whether records of the table's can be merged into others.
        found: The columns that it has.
    """
    return {
        name: told
        for name, told in OURS.items()
        if name not in found and (name != MERGED_INTO or merged)
    }


def add_ours(connection: DuckDBPyConnection, table: str, merged: bool = False) -> None:
    """Gives a table the columns of ours that it lacks, as one that an older version made does.

    Args:
        connection: An open connection, in a transaction.
        table: Its qualified name.
        merged: Whether records of the table's can be merged into others.
    """
    found = {row[0] for row in connection.execute(f"describe {table}").fetchall()}
    add_columns(connection, table, ours_of(merged, found))
