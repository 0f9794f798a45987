"""A DuckDB database that streams land in, one short transaction a commit.

Between two transactions no connection is open, so that other processes get at the file while this
one waits for Intercom.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeVar, runtime_checkable

import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.again import retrying
from intercom_assets.warehouse.bookkeeping import Bookkeeping
from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets.warehouse.explaining import explained, unavailable
from intercom_assets.warehouse.kinds.file import FILE
from intercom_assets.warehouse.kinds.kind import Kind
from intercom_assets.warehouse.memory import Memory

logger = logging.getLogger(__name__)

Connect = Callable[[], AbstractContextManager[DuckDBPyConnection]]
R = TypeVar("R")

LOCK_TIMEOUT_SECONDS = 300.0
# Others hold the file for tens of milliseconds, a transaction; who holds it for longer is told.
SAY_AFTER_SECONDS = 3.0
SAY_AGAIN_SECONDS = 60.0
HOLDER = "the process that holds the database"


# Two threads that open one file at once find each other's database half made. And one that opens
# it while the other closes it makes the process lose the file: DuckDB looks first whether it is a
# database, and POSIX takes a process's locks on a file away when it closes that file, however often
# it has it open. Another process then writes what the checkpoint under way overwrites.
_opening_or_closing = threading.Lock()
# Two transactions at once would meet in the catalog, and need twice the memory.
_writing = threading.Lock()


@runtime_checkable
class HoldsTables(Protocol):
    """Whatever stores streams in warehouses of this kind."""

    def warehouse(self, schema: str | None = None) -> Warehouse:
        """The tables of a schema, by default its own."""


class Warehouse:
    """One schema of a DuckDB database.

    Args:
        connect: Gives a connection and closes it again.
        schema: The schema that the streams' tables are in.
        memory_limit: How much memory DuckDB may use, such as ``64MB``; None is DuckDB's default.
        memory: What all who use the database within one process share.
        lock_timeout: Seconds to wait for another process that holds the file.
        say: Takes a line for the log.
        kind: The kind of warehouse.
        hide: Takes what nobody may read out of a message.
    """

    def __init__(
        self,
        connect: Connect,
        schema: str,
        memory_limit: str | None = None,
        memory: Memory | None = None,
        lock_timeout: float = LOCK_TIMEOUT_SECONDS,
        say: Callable[[str], None] = logger.warning,
        kind: Kind = FILE,
        hide: Callable[[str], str] = str,
    ) -> None:
        self._connect = connect
        self.kind = kind
        self._hide = hide
        self._memory_limit = memory_limit
        self._memory = memory or Memory()
        # Of each thread's last connection: a commit has a thread of its own.
        self._here = threading.local()
        self._lock_timeout = lock_timeout
        self.say = say
        self.schema = schema

    @contextmanager
    def connection(self) -> Iterator[DuckDBPyConnection]:
        """A connection that tells times in UTC.

        Raises:
            DatabaseUnavailable: When the database cannot be opened or written.
        """
        with explained(self.kind, self._hide), ExitStack() as stack:
            connection = self._open(stack)
            connection.execute("set TimeZone = 'UTC'")
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[DuckDBPyConnection]:
        """A connection in a transaction, which ends with the block: committed, or undone."""
        # The lock comes second: who waits for the file keeps nobody from saying so.
        with self.connection() as connection, _writing:
            connection.begin()
            try:
                name = self.kind.name_commit(connection)
                yield connection
                self._commit(connection, name)
            except BaseException:
                # Else whatever is asked when it closes fails, too, and hides why this did.
                with suppress(duckdb.Error):
                    connection.rollback()
                raise

    def _commit(self, connection: DuckDBPyConnection, name: str | None) -> None:
        try:
            connection.commit()
        except duckdb.Error:
            # The answer may be lost on its way, and the commit have happened.
            if name is None or not self.ask(lambda other: self.kind.has_happened(other, name)):
                raise

    def write(self, work: Callable[[DuckDBPyConnection], R]) -> R:
        """What some work gives, done in a transaction; done again if others came in its way.

        Raises:
            DatabaseUnavailable: When the database cannot be opened or written.
        """

        def attempt() -> R:
            with self.transaction() as connection:
                return work(connection)

        return retrying(self)(attempt)

    def books(self, connection: DuckDBPyConnection) -> Bookkeeping:
        """Our own tables."""
        return Bookkeeping(connection, self.schema, self.kind)

    def ask(self, question: Callable[[DuckDBPyConnection], R]) -> R:
        """What a question is answered that changes nothing; asked again if something came between.

        Raises:
            DatabaseUnavailable: When the database cannot be read.
        """
        for attempt in count(1):
            try:
                with self.connection() as connection:
                    return question(connection)
            except duckdb.OutOfMemoryException:
                if not self.lift_memory_limit():
                    raise
            except DatabaseUnavailable as problem:
                if not problem.will_pass or attempt >= self.kind.attempts:
                    raise
                time.sleep(random.uniform(0, 1))
        raise AssertionError("the loop has no end")

    def lift_memory_limit(self) -> bool:
        """Gives DuckDB more memory from now on; returns whether there was a limit until now.

        The limit may have been lifted by another stream's run since it was too little for this one.
        """
        raised = getattr(self._here, "raised", None)
        if raised is None:
            return False
        self._memory.lift(raised)
        return True

    @contextmanager
    def more_memory(self, limit: str | None) -> Iterator[None]:
        """Gives everybody who uses the database this much meanwhile; None leaves it to DuckDB."""
        if self._memory_limit is None:
            yield
            return
        with self._memory.larger(limit):
            yield

    def _open(self, stack: ExitStack) -> DuckDBPyConnection:
        """A connection, once no other process holds the file any more."""
        began = time.monotonic()
        said = began - SAY_AGAIN_SECONDS + SAY_AFTER_SECONDS
        while True:
            try:
                with _opening_or_closing, self._memory.lock:
                    opened = self._connect()
                    connection = opened.__enter__()
                    stack.push(partial(self._close, opened, connection))
                    raised = self._memory.opened(connection, self._memory_limit)
                self._here.raised = raised
                return connection
            except duckdb.Error as problem:
                now, is_away = time.monotonic(), self.kind.is_away(problem)
                if not (is_away or _is_lock(problem)):
                    raise
                if now - began > self._lock_timeout:
                    # It has been waited for; to try again would be to wait as long again.
                    raise unavailable(problem, self._hide, will_pass=False) from None
                if now - said > SAY_AGAIN_SECONDS:
                    whom = "the database's server" if is_away else HOLDER
                    self.say(f"waiting for {whom}: {self._hide(str(problem))}")
                    said = now
            # At random, so that several who wait do not meet again and again.
            time.sleep(random.uniform(0.005, 0.1))

    def _close(
        self,
        opened: AbstractContextManager[DuckDBPyConnection],
        connection: DuckDBPyConnection,
        *exc_info: Any,
    ) -> None:
        with _opening_or_closing, self._memory.lock:
            try:
                self._memory.closing(connection)
            finally:
                opened.__exit__(*exc_info)


def _is_lock(problem: Exception) -> bool:
    """Whether somebody else holds the file: a process, or a connection of this one."""
    # The second is what Windows says; the third, of a thread that opens or closes it.
    signs = (
        *("Could not set lock", "being used by another", "Unique file handle conflict"),
        "with a different configuration",
    )
    return any(sign in str(problem) for sign in signs)
