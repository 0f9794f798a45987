"""How much memory DuckDB may use for one database in this process, whoever of us opens it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
from duckdb import DuckDBPyConnection

# How soon somebody who comes while there is a limit of ours has none; to look takes 0.2 ms.
LOOK_SECONDS = 0.004


class Memory:
    """The memory limit of one database, as long as nobody but us uses it in this process.

    Within one process DuckDB has one limit for all connections to a database. Somebody else's query
    must not fail or spill for ours: as soon as anybody else has a connection the limit is lifted
    for good, for who came once comes again, and none stays behind.
    """

    def __init__(self) -> None:
        self._is_lifted = False
        self._larger: list[str | None] = []
        self._lock = threading.RLock()
        self._ours = 0
        self._is_set = False
        self._watch: _Watch | None = None

    def lift(self) -> None:
        """Leaves it to DuckDB from now on."""
        self._is_lifted = True

    @contextmanager
    def larger(self, limit: str | None) -> Iterator[None]:
        """Another limit meanwhile."""
        self._larger.append(limit)
        try:
            yield
        finally:
            self._larger.remove(limit)

    def opened(self, connection: DuckDBPyConnection, usual: str | None) -> bool:
        """Counts a connection of ours, and sets the limit.

        Args:
            connection: It.
            usual: The limit, if nothing else holds; None leaves it to DuckDB.

        Returns:
            Whether there is a limit of ours now.
        """
        with self._lock:
            self._ours += 1
            self._look(connection)
            limit = self._limit(usual)
            if limit is not None:
                connection.execute("set memory_limit = $limit", {"limit": limit})
                self._watch = self._watch or _Watch(connection, self._lock, self._look)
            elif self._is_set:
                connection.execute("reset memory_limit")
            self._is_set = limit is not None
            return self._is_set

    def closing(self, connection: DuckDBPyConnection) -> None:
        """Counts a connection of ours out; the last of us takes the limit away."""
        with self._lock:
            if self._ours == 1:
                if self._watch:
                    self._watch.end()
                    self._watch = None
                if self._is_set:
                    connection.execute("reset memory_limit")
                    self._is_set = False
            self._ours -= 1

    def _limit(self, usual: str | None) -> str | None:
        if usual is None or self._is_lifted:
            return None
        return self._larger[-1] if self._larger else usual

    def _look(self, connection: DuckDBPyConnection) -> None:
        """Lifts the limit if somebody else has a connection."""
        if self._is_lifted or not self._is_shared(connection):
            return
        self._is_lifted = True
        if self._is_set:
            connection.execute("reset memory_limit")
            self._is_set = False

    def _is_shared(self, connection: DuckDBPyConnection) -> bool:
        """Whether somebody else has a connection; where DuckDB cannot tell (1.4.0), it may be."""
        try:
            [(count,)] = connection.execute("from duckdb_connection_count()").fetchall()
        except duckdb.CatalogException:
            return True
        return int(count) > self._ours + (self._watch is not None)


class _Watch:
    """Looks again and again, on a connection of its own.

    Args:
        connection: A connection of ours.
        lock: Is held while it looks and while it ends.
        look: Looks.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        lock: threading.RLock,
        look: Callable[[DuckDBPyConnection], None],
    ) -> None:
        self._cursor = connection.cursor()
        self._lock = lock
        self._look = look
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="intercom-memory", daemon=True).start()

    def end(self) -> None:
        """Ends it; the lock is held."""
        self._ended.set()
        self._cursor.close()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            with self._lock:
                if not self._ended.is_set():
                    self._look(self._cursor)
