"""A DuckDB database that streams land in, one short transaction a batch.

Between two transactions no connection is open, so that other processes get at the file while this
one waits for Intercom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from duckdb import DuckDBPyConnection

Connect = Callable[[], AbstractContextManager[DuckDBPyConnection]]


class Warehouse:
    """One schema of a DuckDB database.

    Args:
        connect: Gives a connection and closes it again.
        schema: The schema that the streams' tables are in.
        memory_limit: How much memory DuckDB may use, such as ``512MB``; None is DuckDB's default.
    """

    def __init__(self, connect: Connect, schema: str, memory_limit: str | None = None) -> None:
        self._connect = connect
        self._memory_limit = memory_limit
        self.schema = schema

    @contextmanager
    def connection(self) -> Iterator[DuckDBPyConnection]:
        """A connection that tells times in UTC."""
        with self._connect() as connection:
            try:
                connection.execute("set TimeZone = 'UTC'")
                if self._memory_limit:
                    connection.execute("set memory_limit = $limit", {"limit": self._memory_limit})
                yield connection
            finally:
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[DuckDBPyConnection]:
        """A connection in a transaction, which ends with the block: committed, or undone."""
        with self.connection() as connection:
            connection.begin()
            yield connection
            connection.commit()
