"""One run's writing of one stream: a claim, then batches with their state, each all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb
from duckdb import DuckDBPyConnection
from tenacity import RetryCallState, retry, stop_after_attempt, wait_random_exponential

from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse.bookkeeping import Bookkeeping, Claim, Stored
from intercom_assets.warehouse.buffer import Buffer
from intercom_assets.warehouse.changes import Changes
from intercom_assets.warehouse.database import Warehouse
from intercom_assets.warehouse.errors import EmptySource, ParentMissing, ShrinkRefused
from intercom_assets.warehouse.names import path, quote, types_of_fields
from intercom_assets.warehouse.parent_queue import ParentQueue
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.warehouse.table import Table

# A full refresh that finds a fifth of the rows gone has more likely lost a permission.
SHRINK_LIMIT = 0.2


def _may_go_well(state: RetryCallState) -> bool:
    """Whether a transaction that was undone is worth doing again."""
    problem = state.outcome.exception() if state.outcome else None
    if isinstance(problem, duckdb.OutOfMemoryException):
        landing: Landing = state.args[0]
        return landing.warehouse.lift_memory_limit()
    # Two threads of one process may meet in the catalog, and one of them find it half made.
    return isinstance(problem, duckdb.TransactionException) or "python_arrow_scan" in str(problem)


_again = retry(
    retry=_may_go_well,
    stop=stop_after_attempt(8),
    wait=wait_random_exponential(multiplier=0.05, max=2),
    reraise=True,
)


class Landing:
    """One run's writing of one stream, from its claim on.

    Args:
        warehouse: Where to write.
        name: The stream's table.
        spec: What belongs in the table.
        source: The workspace that the records come from.
        run_id: The run.
    """

    def __init__(
        self, warehouse: Warehouse, name: str, spec: TableSpec, source: str, run_id: str
    ) -> None:
        self.warehouse = warehouse
        self.name = name
        self.spec = spec
        self.changes = Changes()
        self._commits = 0
        self.claim, self.stored, kinds = self._claim(source, run_id)
        self.waiting = Buffer(kinds)
        self._reset = self.stored.reset

    @_again
    def _claim(self, source: str, run_id: str) -> tuple[Claim, Stored, dict[str, str]]:
        with self.warehouse.transaction() as connection:
            books, table = self._books(connection), self._table(connection)
            books.create()
            claim, stored = books.claim(self.name, source, run_id)
            is_gone = not table.exists()
            added = table.create()
            if is_gone:
                books.forget_columns(self.name)
            elif added and stored.state:
                self.warehouse.say(
                    f"{self.name}: the table lacked {', '.join(added)}, so everything is read again"
                )
            if is_gone or added:
                # Of a table that somebody dropped nothing is known any more, and rows that do not
                # change would keep new columns empty.
                books.forget(self.name)
                stored = Stored(None, None, stored.reset)
            if self.spec.replace:
                table.start_staging()
            kinds = types_of_fields(table.columns(), books.renamed(self.name))
        return claim, stored, kinds

    @_again
    def start_over(self, since: int | None, reset: str | None) -> None:
        """Forgets what is stored, so that it is read again; rows stay until they are replaced.

        Args:
            since: From which moment on, epoch seconds; None forgets everything.
            reset: The reported bookmark that asks for it.
        """
        with self._owned() as (books, _):
            state = self.stored.state
            if since is None or state is None:
                books.forget(self.name)
                state = None
            else:
                books.forget_parents(self.name, since)
                state = state.back_to(since)
            books.remember(self.claim, state, reset)
        self.stored, self._reset = Stored(state, self.claim.run_id, reset), reset

    def commit(self, batches: Iterable[Batch] = ()) -> None:
        """Stores what waits, these batches too, and the state of the last of them, all or nothing.

        Raises:
            OwnershipLost: When another run has taken the stream over.
            CommitLost: When the database no longer holds an earlier commit.
        """
        for batch in batches:
            self.waiting.add(batch)
        self.store(self.take())

    def take(self) -> Buffer:
        """What waits; from now on the next commit's batches wait in a buffer of their own."""
        taken = self.waiting
        self.waiting = taken.successor()
        return taken

    def store(self, buffer: Buffer) -> None:
        """Stores a buffer and its state, all or nothing. May run while another one is filled.

        Raises:
            OwnershipLost: When another run has taken the stream over.
            CommitLost: When the database no longer holds an earlier commit.
        """
        if buffer.state is not None:
            self.changes.add(self._store(buffer))

    @_again
    def _store(self, buffer: Buffer) -> Changes:
        with self._owned() as (books, table):
            changes = self._put(buffer, books, table)
            if not self.spec.replace:
                books.remember(self.claim, buffer.state, self._reset)
        return changes

    def replace(self, batches: Iterable[Batch], allow_empty: bool) -> None:
        """Makes the table hold exactly what waits, with these batches, and what was stored before.

        Raises:
            EmptySource: When that is nothing and the table has rows.
        """
        for batch in batches:
            self.waiting.add(batch)
        self.changes.add(self._replace(self.take(), allow_empty))

    @_again
    def _replace(self, buffer: Buffer, allow_empty: bool) -> Changes:
        with self._owned() as (books, table):
            changes = self._put(buffer, books, table)
            if table.staging.count() == 0 and table.count() > 0 and not allow_empty:
                raise EmptySource(
                    f"Intercom answered with no {self.name} at all, while the table has "
                    f"{table.count()} rows, which stay. If they are really gone, materialize with "
                    "the config allow_empty: true"
                )
            changes.add(table.replace())
            table.staging.drop()
            books.remember(self.claim, SyncState(), self._reset)
        return changes

    def _put(self, buffer: Buffer, books: Bookkeeping, table: Table) -> Changes:
        """Puts a buffer into the table, or its staging table, and notes what else it tells."""
        changes = Changes()
        put = table.append if self.spec.replace else table.merge
        for rows in buffer.rows():
            changes.add(put(rows, {**books.renamed(self.name), **changes.renamed}))
            if buffer.refresh is not None and not self.spec.parent:
                books.record_seen(self.name, buffer.refresh, rows.table[self.spec.key[0]])
        books.remember_renamed(self.name, changes.renamed)
        books.record_parents(self.name, buffer.fetched)
        return changes

    @_again
    def sweep(self, state: SyncState, allow_shrink: bool) -> None:
        """Ends a full refresh: removes the rows that it has not met.

        Raises:
            ShrinkRefused: When that would be more than `SHRINK_LIMIT` of the table.
        """
        key = quote(self.spec.key[0])
        with self._owned() as (books, table):
            connection = table.connection
            seen = path(connection, self.warehouse.schema, "_seen")
            gone = f"{key} not in (select key from {seen} where stream = $stream)"
            values = {"stream": self.name}
            total = table.count()
            row = connection.execute(
                f"select count(*) from {table.sql} where {gone}", values
            ).fetchone()
            missing = int(row[0]) if row else 0
            if missing > SHRINK_LIMIT * total and not allow_shrink:
                raise ShrinkRefused(
                    f"the full refresh found {missing} of the {total} rows of {self.name} gone at "
                    "Intercom, more than a fifth: has the token lost a permission? The rows stay. "
                    "If they are really gone, materialize with the config allow_shrink: true"
                )
            connection.execute(f"delete from {table.sql} where {gone}", values)
            books.forget_seen(self.name)
            books.remember(self.claim, state, self._reset)
        self.changes.add(Changes(deleted=missing))

    def describe(self) -> tuple[int, dict[str, str]]:
        """How many rows the table has, and the types of its columns by name."""

        def look(connection: DuckDBPyConnection) -> tuple[int, dict[str, str]]:
            table = self._table(connection)
            return table.count(), table.columns()

        return self.warehouse.ask(look)

    def queue(self) -> ParentQueue | None:
        """The parents whose children are outstanding, if the stream has a parent table.

        Raises:
            ParentMissing: When there is no such table yet.
        """
        if self.spec.parent is None:
            return None
        with self.warehouse.connection() as connection:
            if not Table(connection, self.warehouse.schema, self.spec.parent, self.spec).exists():
                raise ParentMissing(
                    f"{self.name} are read for the rows of {self.spec.parent}, a table that is not "
                    f"there yet: materialize {self.spec.parent} first"
                )
        return ParentQueue(self.warehouse, self.name, self.spec.parent)

    @contextmanager
    def _owned(self) -> Iterator[tuple[Bookkeeping, Table]]:
        """A transaction, as long as the stream is this run's and holds all that it committed."""
        with self.warehouse.transaction() as connection:
            books = self._books(connection)
            books.count_commit(self.claim, self._commits)
            yield books, self._table(connection)
        self._commits += 1

    def _books(self, connection: DuckDBPyConnection) -> Bookkeeping:
        return Bookkeeping(connection, self.warehouse.schema)

    def _table(self, connection: DuckDBPyConnection) -> Table:
        return Table(connection, self.warehouse.schema, self.name, self.spec)
