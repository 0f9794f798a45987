"""Our own tables: their names, and how they are asked.

Everything here happens within a transaction that the caller opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.kinds.file import FILE
from intercom_assets.warehouse.kinds.kind import Kind
from intercom_assets.warehouse.layout import BOOKS
from intercom_assets.warehouse.names import path, quote
from intercom_assets.warehouse.statements import exists


class Books:
    """Our own tables in one schema.

    Args:
        connection: An open connection, in a transaction.
        schema: The schema that the streams' tables are in.
        kind: The kind of warehouse.
    """

    def __init__(self, connection: DuckDBPyConnection, schema: str, kind: Kind = FILE) -> None:
        self.connection = connection
        self.schema = schema
        self._home = path(connection, schema)
        self._kind = kind

    def table(self, name: str, stream: str) -> str:
        """The qualified name of the table in which something of a stream stands.

        Args:
            name: What stands in it, one of `BOOKS`.
            stream: The stream.
        """
        return f"{self._home}.{quote(self._kind.book(name, stream))}"

    def meet(self, stream: str) -> None:
        """Has this transaction and any commit of a stream's owner conflict, if both are under way.

        Elsewhere than in a file, rows that one inserts do not conflict with those that another one
        changes: what lands while its parent is being marked would miss the mark.

        Args:
            stream: The stream whose rows this transaction changes without owning it.
        """
        if exists(self.connection, self.schema, self._kind.book("_sync_state", stream)):
            self._run(
                stream, "update {_sync_state} set commits = commits where stream = ?", [stream]
            )

    def _run(self, stream: str, query: str, values: Sequence[Any] = ()) -> None:
        self.connection.execute(self._named(query, stream), values)

    def _rows(self, stream: str, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return self.connection.execute(self._named(query, stream), values).fetchall()

    def _named(self, query: str, stream: str) -> str:
        """A query with the names of our tables."""
        tables = {name: self.table(name, stream) for name in BOOKS if name in query}
        return query.format(_layout=f"{self._home}._layout", **tables)
