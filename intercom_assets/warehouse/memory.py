"""How much memory DuckDB may use for one database in this process, whoever of us opens it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb
from duckdb import DuckDBPyConnection

# How long to wait before somebody else is looked for while a connection of ours is open: a commit
# takes tens of milliseconds, or seconds in a large table, and each look half a millisecond of
# processor time. So the first looks come soon, later ones half as often each time.
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
        # Held, too, while a connection of ours opens or closes, for it would count as another's.
        self.lock = threading.RLock()
        # How often the limit has been raised.
        self._raised = 0
        self._larger: list[str | None] = []
        self._ours: list[DuckDBPyConnection] = []
        # The limit of ours that holds now.
        self._limit: str | None = None
        self._watch: threading.Thread | None = None

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
        with self.lock:
            self._ours.append(connection)
            limit = self._wanted(usual)
            # As long as one of ours holds, the watch looks for somebody else.
            is_free = limit is not None and (
                limit == self._limit or not self._is_shared(connection)
            )
            self._take(connection, limit if is_free else None)
            return None if self._limit is None else self._raised

    def closing(self, connection: DuckDBPyConnection) -> None:
        """Counts a connection of ours out; the last of us takes the limit away."""
        with self.lock:
            if self._limit and len(self._ours) == 1 and self._is_shared(connection):
                self._take(connection, None)
            self._ours.remove(connection)
            # What nobody else can use stays open, with its limit, when the last of us goes.
            if not (self._ours or self._is_private):
                self._limit = None

    def _take(self, connection: DuckDBPyConnection, limit: str | None) -> None:
        """Has another limit hold from now on; None leaves it to DuckDB."""
        if limit is not None:
            self._set(connection, limit)
            self._look_for_others()
        elif self._limit is not None:
            _leave_to_duckdb(connection)
        self._limit = limit

    def _set(self, connection: DuckDBPyConnection, limit: str) -> None:
        try:
            connection.execute("set memory_limit = $limit", {"limit": limit})
        except duckdb.OutOfMemoryException:
            # An instance that stays open may hold more just now, for a model that is being built:
            # it keeps the limit it has until somebody opens it the next time.
            if not self._is_private:
                raise

    def _look_for_others(self) -> None:
        """Looks from now on, for DuckDB calls nobody back; one thread does for all of us."""
        # In a process that was forked meanwhile it lives no more.
        if self._is_private or (self._watch and self._watch.is_alive()):
            return
        self._watch = threading.Thread(target=self._looking, name="memory-limit", daemon=True)
        self._watch.start()

    def _looking(self) -> None:
        """Takes the limit away once somebody else comes, and ends when there is none of ours."""
        pause = FIRST_LOOK_SECONDS
        while True:
            time.sleep(pause)
            pause = min(2 * pause, LAST_LOOK_SECONDS)
            with self.lock:
                # A database that broke down is told by the commit.
                with suppress(duckdb.Error):
                    self._make_way()
                if self._limit is None:
                    self._watch = None
                    return

    def _make_way(self) -> None:
        if not self._ours:
            return
        # One of the others' may be in the midst of a query.
        with self._ours[-1].cursor() as connection:
            if self._is_shared(connection, 1):
                self._take(connection, None)

    def _wanted(self, usual: str | None) -> str | None:
        if usual is None:
            return None
        limit = self._larger[-1] if self._larger else usual
        if limit is None or not self._raised:
            return limit
        return _more_than(limit) if self._raised == 1 else None

    def _is_shared(self, connection: DuckDBPyConnection, looking: int = 0) -> bool:
        """Whether somebody else has a connection; where DuckDB cannot tell (1.4.0), it may be."""
        if self._is_private:
            return False
        try:
            [(count,)] = connection.execute("from duckdb_connection_count()").fetchall()
        except duckdb.CatalogException:
            return True
        return int(count) > len(self._ours) + looking


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
