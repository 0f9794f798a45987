"""The tables that hold a stream's rows: its own, that of versions, what is about to replace it."""

from __future__ import annotations

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from intercom_assets.erasure.table import PersonalTable
from intercom_assets.streams import STREAMS
from intercom_assets.warehouse.statements import exists
from intercom_assets.warehouse.versions import history_of


def tables_of(connection: DuckDBPyConnection, schema: str) -> Mapping[str, list[PersonalTable]]:
    """The tables of each stream that has one.

    Args:
        connection: An open connection.
        schema: The schema that they are in.
    """
    found = {}
    for stream in STREAMS:
        names = (stream, history_of(stream), f"_staging_{stream}")
        tables = [
            PersonalTable(connection, schema, name, is_current=name == stream)
            for name in names
            if exists(connection, schema, name)
        ]
        if tables:
            found[stream] = tables
    return found
