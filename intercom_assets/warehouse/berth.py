"""One run's place at one table: what it claimed, what is stored, and how rows get in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse.again import again
from intercom_assets.warehouse.bookkeeping import Bookkeeping
from intercom_assets.warehouse.buffer import Buffer
from intercom_assets.warehouse.changes import Changes
from intercom_assets.warehouse.claims import Claim, Stored
from intercom_assets.warehouse.database import Warehouse
from intercom_assets.warehouse.errors import EmptySource, ParentMissing, StreamHeld
from intercom_assets.warehouse.families import leave_family
from intercom_assets.warehouse.gone import take_away
from intercom_assets.warehouse.lease import Turn
from intercom_assets.warehouse.misfits import Misfits
from intercom_assets.warehouse.names import DELETED_AT, quote, types_of_fields
from intercom_assets.warehouse.obituaries import bury, follow_parents, note
from intercom_assets.warehouse.ours import add_ours
from intercom_assets.warehouse.parent_queue import ParentQueue
from intercom_assets.warehouse.spec import REMOVE, TableSpec
from intercom_assets.warehouse.table import Table


class Described(NamedTuple):
    """A table.

    Attributes:
        rows: How many it has, without those that are gone.
        gone: How many are marked as gone.
        columns: Types of its columns, by name.
    """

    rows: int
    gone: int
    columns: dict[str, str]


class Berth:
    """One run's place at one table, from its claim on.

    Args:
        warehouse: Where to write.
        name: The stream's table.
        spec: What belongs in the table.
        source: The workspace that the records come from.
        run_id: The run.
        turn: The run's turn; without one it waits for nobody.

    Attributes:
        claim: The run's right to write.
        stored: What the warehouse says of the stream.
        kinds: The types of the table's columns, by field.
        misfits: What is known of values that did not fit them.
        changes: What was done to the table.
        commits: How often the run has committed.
        reset: The reported bookmark that was obeyed last.
        began: When the run's reading began by Intercom's clock, epoch seconds.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        name: str,
        spec: TableSpec,
        source: str,
        run_id: str,
        turn: Turn | None = None,
    ) -> None:
        self.warehouse = warehouse
        self.name = name
        self.spec = spec
        self.changes = Changes()
        self.commits = 0
        self.began = 0.0
        self.claim, self.stored, self.kinds, self.misfits = self._take(source, run_id, turn)
        self.reset = self.stored.reset

    def _take(
        self, source: str, run_id: str, turn: Turn | None
    ) -> tuple[Claim, Stored, dict[str, str], Misfits]:
        while True:
            try:
                return self._claim(source, run_id, turn)
            except StreamHeld as held:
                assert turn is not None
                turn.wait(self.name, held)

    @again
    def _claim(
        self, source: str, run_id: str, turn: Turn | None
    ) -> tuple[Claim, Stored, dict[str, str], Misfits]:
        with self.warehouse.transaction() as connection:
            books, table = self.books(connection), self.table(connection)
            claim, stored = books.claim(self.name, source, run_id, turn)
            added = table.create()
            is_gone = added is None
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
            if self.spec.on_delete == REMOVE:
                # What was marked before rows were to be removed.
                marked = f"t.{quote(DELETED_AT)} is not null"
                take_away(books, self.name, self.spec, marked)
            renamed = books.renamed(self.name)
            if self.spec.history:
                table.history(renamed).start()
            kinds = types_of_fields(table.columns(), renamed)
            misfits = Misfits(self.spec.key, table.unparsed())
        return claim, stored, kinds, misfits

    def buffer(self, nested: Mapping[str, Buffer] | None = None) -> Buffer:
        """An empty buffer for the table's rows, and for those that are nested in them."""
        return Buffer(self.kinds, self.misfits, nested)

    def remember(self, state: SyncState | None, connection: DuckDBPyConnection) -> None:
        """Stores the state that the rows of this transaction make true."""
        self.books(connection).remember(self.claim, state, self.reset)

    def put(self, buffer: Buffer, connection: DuckDBPyConnection) -> Changes:
        """Puts a buffer into the table, or its staging table, and notes what else it tells."""
        books, table = self.books(connection), self.table(connection)
        changes = Changes()
        # The first rows that a run changes are as good a sample as any.
        merge = partial(table.merge, sampled=not self.changes.samples)
        put = table.append if self.spec.replace else merge
        for rows in buffer.rows():
            if not buffer.only_keys:
                changes.add(put(rows, {**books.renamed(self.name), **changes.renamed}))
            if buffer.refresh is not None and not self.spec.parent:
                books.record_seen(self.name, buffer.refresh, rows.table.select(list(self.spec.key)))
        books.remember_renamed(self.name, changes.renamed)
        changes.deleted += leave_family(books, self.name, self.spec, buffer)
        books.record_parents(self.name, buffer.fetched)
        if not self.spec.replace:
            bury(books, self.name, self.spec, self.began)
            follow_parents(books, self.name, self.spec, [parent.id for parent in buffer.fetched])
        note(books, self.spec, buffer.gone)
        return changes

    def put_all(self, buffer: Buffer, allow_empty: bool, connection: DuckDBPyConnection) -> Changes:
        """Makes the table hold exactly a buffer, and what this run has put before.

        Raises:
            EmptySource: When that is nothing and the table has rows.
        """
        changes, table = self.put(buffer, connection), self.table(connection)
        if table.staging.count() == 0 and table.count() > 0 and not allow_empty:
            raise EmptySource(
                f"Intercom answered with no {self.name} at all, while the table has "
                f"{table.count()} rows, which stay. If they are really gone, materialize with "
                "the config allow_empty: true"
            )
        changes.add(table.replace(self.books(connection)))
        table.staging.drop()
        self.remember(SyncState(), connection)
        return changes

    def describe(self) -> Described:
        """How many rows the table has, and the types of its columns by name."""

        def look(connection: DuckDBPyConnection) -> Described:
            table = self.table(connection)
            return Described(*table.counts(), table.columns())

        return self.warehouse.ask(look)

    @again
    def queue(self) -> ParentQueue | None:
        """The parents whose children are outstanding, if the stream has a parent table.

        Raises:
            ParentMissing: When there is no such table yet.
        """
        if self.spec.parent is None:
            return None
        with self.warehouse.transaction() as connection:
            parents = Table(connection, self.warehouse.schema, self.spec.parent, self.spec)
            if not parents.exists():
                raise ParentMissing(
                    f"{self.name} are read for the rows of {self.spec.parent}, a table that is not "
                    f"there yet: materialize {self.spec.parent} first"
                )
            # An older release that made the table knew nothing of marks.
            add_ours(connection, parents.sql)
        return ParentQueue(self.warehouse, self.name, self.spec.parent, self.spec)

    def books(self, connection: DuckDBPyConnection) -> Bookkeeping:
        """Our own tables."""
        return self.warehouse.books(connection)

    def table(self, connection: DuckDBPyConnection) -> Table:
        """The stream's table."""
        return Table(connection, self.warehouse.schema, self.name, self.spec)
