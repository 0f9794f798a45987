"""One run's writing of one stream: a claim, then batches with their state, each all or nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse.again import again
from intercom_assets.warehouse.berth import Berth
from intercom_assets.warehouse.buffer import Buffer
from intercom_assets.warehouse.changes import Changes
from intercom_assets.warehouse.claims import Stored
from intercom_assets.warehouse.database import Warehouse
from intercom_assets.warehouse.errors import ShrinkRefused
from intercom_assets.warehouse.gone import take_away
from intercom_assets.warehouse.lease import BEAT_SECONDS, LEASE_SECONDS, Turn
from intercom_assets.warehouse.names import one_key, quote
from intercom_assets.warehouse.obituaries import revive
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.warehouse.statements import living

# Who finds a fifth of the rows gone has more likely lost a permission.
SHRINK_LIMIT = 0.2


class Landing(Berth):
    """One run's writing of one stream, from its claim on, and of what is nested in its records.

    Args:
        warehouse: Where to write.
        name: The stream's table.
        spec: What belongs in the table.
        source: The workspace that the records come from.
        run_id: The run.
        nested: Places of the streams whose records come inside this one's: each commit holds all
            of them, with one state.
        turn: The run's turn; without one it waits for nobody.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        name: str,
        spec: TableSpec,
        source: str,
        run_id: str,
        nested: Sequence[Berth] = (),
        turn: Turn | None = None,
    ) -> None:
        super().__init__(warehouse, name, spec, source, run_id, turn)
        self.nested = nested
        self._shown_at = time.monotonic()
        self.waiting = self.buffer({inner.name: inner.buffer() for inner in nested})
        if self.stored.state and any(n.stored.state != self.stored.state for n in nested):
            names = ", ".join(inner.name for inner in nested)
            warehouse.say(f"{name}: {names} do not hold the same, so everything is read again")
            self.start_over(None, self, self.reset)

    @again
    def start_over(self, since: int | None, asked: Berth, reset: str | None) -> None:
        """Forgets what is stored, so that it is read again; rows stay until they are replaced.

        Args:
            since: From which moment on, epoch seconds; None forgets everything.
            asked: At whose table somebody wants it. One read serves all of them.
            reset: The reported bookmark that asks for it.
        """
        state = self.stored.state
        state = None if since is None or state is None else state.back_to(since)
        with self._owned() as connection:
            books = self.books(connection)
            for berth in self.all:
                if since is None or state is None:
                    books.forget(berth.name)
                else:
                    books.forget_parents(berth.name, since)
                mark = reset if berth is asked else berth.reset
                books.remember(berth.claim, state, mark)
        asked.reset = reset
        for berth in self.all:
            berth.stored = Stored(state, self.claim.run_id, berth.reset)

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
            self._count(self._store(buffer))

    @again
    def _store(self, buffer: Buffer) -> list[Changes]:
        with self._owned() as connection:
            changes = [berth.put(part, connection) for berth, part in self._shares(buffer)]
            if not self.spec.replace:
                for berth in self.all:
                    berth.remember(buffer.state, connection)
        return changes

    def replace(self, batches: Iterable[Batch], allow_empty: bool) -> None:
        """Makes the table hold exactly what waits, with these batches, and what was stored before.

        Raises:
            EmptySource: When that is nothing and the table has rows.
        """
        for batch in batches:
            self.waiting.add(batch)
        self._count(self._replace(self.take(), allow_empty))

    @again
    def _replace(self, buffer: Buffer, allow_empty: bool) -> list[Changes]:
        with self._owned() as connection:
            return [
                berth.put_all(part, allow_empty, connection) for berth, part in self._shares(buffer)
            ]

    @property
    def all(self) -> Sequence[Berth]:
        """This place, and those of what is nested."""
        return (self, *self.nested)

    def _shares(self, buffer: Buffer) -> Iterator[tuple[Berth, Buffer]]:
        """Which part of a buffer belongs in which table."""
        yield self, buffer
        for berth in self.nested:
            yield berth, buffer.nested[berth.name]

    def _count(self, changes: Iterable[Changes]) -> None:
        for berth, change in zip(self.all, changes, strict=True):
            berth.changes.add(change)

    @again
    def sweep(self, state: SyncState, allow_shrink: bool, since: int = 0) -> None:
        """Ends a read of all that there is: takes away the rows that it has not met.

        Args:
            state: What to remember.
            allow_shrink: Whether that may be more than `SHRINK_LIMIT` of the table.
            since: From which moment on the source was asked, epoch seconds.

        Raises:
            ShrinkRefused: When that would be more than `SHRINK_LIMIT` of the table.
        """
        key = one_key(self.spec.key, "t.{}")
        with self._owned() as connection:
            books, table = self.books(connection), self.table(connection)
            seen = books.table("_seen", self.name)
            gone = f"{key} not in (select key from {seen} where stream = $stream)"
            values: dict[str, Any] = {"stream": self.name}
            if self.spec.moment:
                # What is older was not asked for.
                moment = f"try_cast(t.{quote(self.spec.moment)} as timestamptz)"
                gone += f" and coalesce({moment} >= to_timestamp($since), true)"
                values["since"] = since
            total = table.count()
            [(missing,)] = connection.execute(
                f"select count(*) from {living(table.sql)} t where {gone}", values
            ).fetchall()
            if missing > SHRINK_LIMIT * total and not allow_shrink:
                raise ShrinkRefused(
                    f"{missing} of the {total} rows of {self.name} are not at Intercom any more, "
                    "more than a fifth: has the token lost a permission? The rows stay. "
                    "If they are really gone, materialize with the config allow_shrink: true"
                )
            take_away(books, self.name, self.spec, gone, values)
            revive(books, self.name, self.spec, self.began)
            books.forget_seen(self.name)
            for berth in self.all:
                berth.remember(state, connection)
        self.changes.add(Changes(deleted=missing))

    def beat(self) -> None:
        """Shows that the run lives, unless a commit has just shown it."""
        if time.monotonic() - self._shown_at >= BEAT_SECONDS:
            self._hold(LEASE_SECONDS)

    @again
    def give_up(self) -> None:
        """Leaves the stream to others."""
        self._hold(None)

    def _hold(self, seconds: float | None) -> None:
        with self.warehouse.transaction() as connection:
            for berth in self.all:
                self.books(connection).hold(berth.claim, seconds)

    @contextmanager
    def _owned(self) -> Iterator[DuckDBPyConnection]:
        """A transaction, as long as the stream is this run's and holds all that it committed."""
        with self.warehouse.transaction() as connection:
            for berth in self.all:
                self.books(connection).count_commit(berth.claim, berth.commits)
            yield connection
        self._shown_at = time.monotonic()
        for berth in self.all:
            berth.commits += 1
