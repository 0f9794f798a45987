"""How much memory DuckDB may use for one database in this process, whoever of us opens it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import duckdb
from duckdb import DuckDBPyConnection

# How long to wait before somebody else is looked for while a commit of ours is under way: it takes
# tens of milliseconds, or seconds in a large table, and each look half a millisecond of processor
# time. So the first looks come soon, later ones half as often each time.
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.01, 0.08
# What turns out too little is raised so many times, if that is not much, before it is left to
# DuckDB, which takes most of the machine's: five gigabytes, where a tenth of that would have done.
RAISED_TIMES, MOST_RAISED_MB = 8, 1_000
_MEGABYTES = re.compile(r"(\d+) ?MB", re.IGNORECASE)


class Memory:
    """The memory limit of one database, as long as nobody but us uses it in this process.

    Within one process DuckDB has one limit for all connections to a database. Somebody else's query
    must not fail or spill for ours: while anybody else has a connection there is no limit of ours,
    and none stays behind.

    Args:
        is_private: Whether nobody else can have a connection.
    """

    def __init__(self, is_private: bool = False) -> None:
        self._is_private = is_private
        # How often the limit has been raised.
        self._raised = 0
        self._larger: list[str | None] = []
        self._lock = threading.RLock()
        self._ours = 0
        self._is_set = False
        self._watches: dict[int, _Watch] = {}

    def lift(self, raised: int) -> None:
        """Raises the limit, or leaves it to DuckDB from now on.

        Args:
            raised: How often the limit had been raised that was too little.
        """
        self._raised = max(self._raised, raised + 1)

    @contextmanager
    def larger(self, limit: str | None) -> Iterator[None]:
        """Another limit meanwhile."""
        self._larger.append(limit)
        try:
            yield
        finally:
            self._larger.remove(limit)

    def opened(self, connection: DuckDBPyConnection, usual: str | None) -> int | None:
        """Counts a connection of ours, and sets the limit.

        Args:
            connection: It.
            usual: The limit, if nothing else holds; None leaves it to DuckDB.

        Returns:
            How often the limit of ours has been raised; None where there is none now.
        """
        with self._lock:
            self._ours += 1
            limit = None if self._is_shared(connection) else self._limit(usual)
            if limit is not None:
                self._set(connection, limit)
                # Of each connection, for DuckDB closes what was made of one along with it.
                if not self._is_private:
                    self._watches[id(connection)] = _Watch(connection.cursor(), self._make_way)
            elif self._is_set:
                _leave_to_duckdb(connection)
            self._is_set = limit is not None
            return self._raised if self._is_set else None

    def closing(self, connection: DuckDBPyConnection) -> None:
        """Counts a connection of ours out; the last of us takes the limit away."""
        # Outside of the lock, which it may be waiting for.
        if watch := self._watches.get(id(connection)):
            watch.end()
        with self._lock:
            self._watches.pop(id(connection), None)
            if self._is_set and self._ours == 1 and self._is_shared(connection):
                _leave_to_duckdb(connection)
            self._ours -= 1
            # What nobody else can use stays open, with its limit, when the last of us goes.
            self._is_set = self._is_set and (self._ours > 0 or self._is_private)

    def _set(self, connection: DuckDBPyConnection, limit: str) -> None:
        try:
            connection.execute("set memory_limit = $limit", {"limit": limit})
        except duckdb.OutOfMemoryException:
            # An instance that stays open may hold more just now, for a model that is being built:
            # it keeps the limit it has until somebody opens it the next time.
            if not self._is_private:
                raise

    def _make_way(self, connection: DuckDBPyConnection) -> None:
        """Takes the limit away if somebody else came."""
        with self._lock:
            if self._is_set and self._is_shared(connection):
                _leave_to_duckdb(connection)
                self._is_set = False

    def _limit(self, usual: str | None) -> str | None:
        if usual is None:
            return None
        limit = self._larger[-1] if self._larger else usual
        if limit is None or not self._raised:
            return limit
        return _more_than(limit) if self._raised == 1 else None

    def _is_shared(self, connection: DuckDBPyConnection) -> bool:
        """Whether somebody else has a connection; where DuckDB cannot tell (1.4.0), it may be."""
        if self._is_private:
            return False
        try:
            [(count,)] = connection.execute("from duckdb_connection_count()").fetchall()
        except duckdb.CatalogException:
            return True
        return int(count) > self._ours + len(self._watches)


def _more_than(limit: str) -> str | None:
    found = _MEGABYTES.fullmatch(limit)
    more = RAISED_TIMES * int(found[1]) if found else MOST_RAISED_MB + 1
    return f"{more}MB" if more <= MOST_RAISED_MB else None


def _leave_to_duckdb(connection: DuckDBPyConnection) -> None:
    """Takes a limit away. On a mere reset DuckDB 1 tells its default again, and keeps to ours."""
    connection.execute("reset memory_limit")
    [(usual,)] = connection.execute("select current_setting('memory_limit')").fetchall()
    connection.execute("set memory_limit = $usual", {"usual": usual})
    # That was rounded.
    connection.execute("reset memory_limit")


class _Watch(threading.Thread):
    """Looks while a limit holds, on a connection of its own, for DuckDB calls nobody back.

    Args:
        connection: That connection; closed at the end.
        look: Takes it.
    """

    def __init__(
        self, connection: DuckDBPyConnection, look: Callable[[DuckDBPyConnection], None]
    ) -> None:
        super().__init__(name="memory-limit", daemon=True)
        self._connection = connection
        self._look = look
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Looks until the end; a database that broke down is told by the commit."""
        pause = FIRST_LOOK_SECONDS
        with suppress(duckdb.Error):
            while not self._ended.wait(pause):
                self._look(self._connection)
                pause = min(2 * pause, LAST_LOOK_SECONDS)

    def end(self) -> None:
        """Stops, and closes the connection."""
        self._ended.set()
        self.join()
        self._connection.close()
