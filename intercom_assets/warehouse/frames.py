"""A table as a DataFrame, for whoever goes on from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.names import DELETED_AT, comma, path
from intercom_assets.warehouse.statements import living

if TYPE_CHECKING:  # a third of what the import of a code location would take
    import pandas as pd


def frame(
    connection: DuckDBPyConnection,
    schema: str,
    name: str,
    columns: Sequence[str] | None = None,
    rows_gone: bool = False,
) -> pd.DataFrame:
    """A table, without the rows that are marked as gone.

    Args:
        connection: An open connection.
        schema: The table's schema.
        name: The table; one that has no marks, such as a model's, comes whole.
        columns: Only these columns.
        rows_gone: Whether rows that are marked come along.
    """
    table = path(connection, schema, name)
    marked = DELETED_AT in {row[0] for row in connection.execute(f"describe {table}").fetchall()}
    rows = living(table) if marked and not rows_gone else table
    return connection.execute(f"select {comma(columns) if columns else '*'} from {rows}").df()
