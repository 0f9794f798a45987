"""Takes one contact out of every table, in one transaction."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.erasure.search import CONTACTS, Search
from intercom_assets.erasure.tables import tables_of
from intercom_assets.warehouse import Warehouse
from intercom_assets.warehouse.errors import StreamHeld
from intercom_assets.warehouse.kinds.file import FILE
from intercom_assets.warehouse.lease import Turn
from intercom_assets.warehouse.turns import turn

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 3600.0


@dataclass
class Erased:
    """What was erased of a contact, or would be.

    Attributes:
        ids: The contact's, and those of contacts that had been merged into it.
        removed: How many rows went, by table.
        redacted: How many rows stay without the person, by table.
        namesakes: Other contacts that have an email of theirs; these stay.
    """

    ids: list[str] = field(default_factory=list)
    removed: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)
    namesakes: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """What to tell a person, table by table."""
        for table in sorted({*self.removed, *self.redacted}):
            yield f"{table}: {self.removed[table]} removed, {self.redacted[table]} redacted"
        if not self.removed and not self.redacted:
            yield "no table holds anything of this contact"
        if others := self.ids[1:]:
            yield f"with it went contacts that had been merged into it: {', '.join(others)}"
        if self.namesakes:
            yield (
                "other contacts have the same email, and stay unless they are erased as well: "
                + ", ".join(self.namesakes)
            )


class _DryRun(Exception):
    """Undoes what would have been done."""

    def __init__(self, erased: Erased) -> None:
        super().__init__()
        self.erased = erased


def erase(
    warehouse: Warehouse,
    database: str,
    contact: str,
    run_id: str,
    *,
    dry_run: bool = False,
    patience: float = PATIENCE_SECONDS,
    say: Callable[[str], None] = logger.warning,
) -> Erased:
    """Takes one contact out of every table, in one transaction; see docs/personal-data.md.

    Runs that write are waited for; those that begin meanwhile wait.

    Args:
        warehouse: Where the tables are.
        database: The same, as everybody on this machine spells it.
        contact: The contact's id.
        run_id: What the runs that wait are told.
        dry_run: Whether everything is undone again.
        patience: Seconds after which a run is waited for no longer; it can then commit no more.
        say: Takes a line for the log.

    Raises:
        NotErasable: When the contact was merged into another one.
    """
    with ExitStack() as stack:
        with warehouse.connection() as connection:
            streams = list(tables_of(connection, warehouse.schema))
        # In one order, so that two who erase do not wait for each other.
        turns = {
            name: stack.enter_context(
                turn(database, f"{warehouse.schema}.{name}".casefold(), run_id, patience, say)
            )
            for name in sorted(streams)
        }

        def work(connection: DuckDBPyConnection) -> Erased:
            books = warehouse.books(connection)
            # Whoever owned a stream before can commit no more.
            claims = [books.claim(name, "", run_id, mine)[0] for name, mine in turns.items()]
            erased = _erase(connection, warehouse, contact)
            if dry_run:
                raise _DryRun(erased)
            for claim in claims:
                books.hold(claim, None)
            return erased

        erased = _written(warehouse, work, next(iter(turns.values()), None))
    if not dry_run and warehouse.kind is FILE:
        _write_down(warehouse, say)
    return erased


def _written(
    warehouse: Warehouse, work: Callable[[DuckDBPyConnection], Erased], turn: Turn | None
) -> Erased:
    """What some work erases, once no stream is held by a run of another machine."""
    while True:
        try:
            return warehouse.write(work)
        except _DryRun as undone:
            return undone.erased
        except StreamHeld as held:
            assert turn is not None
            turn.wait("erasing", held)


def _erase(connection: DuckDBPyConnection, warehouse: Warehouse, contact: str) -> Erased:
    books = warehouse.books(connection)
    tables = tables_of(connection, warehouse.schema)
    search = Search(tables, contact, books.merged(CONTACTS) if CONTACTS in tables else {})
    erased = Erased(search.ids, namesakes=search.namesakes())
    for stream, table in search.all():
        if removed := search.remove(stream, table):
            erased.removed[table.name] += removed
    for stream, table in search.all():
        if redacted := search.redact(stream, table):
            erased.redacted[table.name] += redacted
    for name in search.tables:
        books.forget_keys(name, search.ids)
    return erased


def _write_down(warehouse: Warehouse, say: Callable[[str], None]) -> None:
    """Has DuckDB write its log into the file, in whose old pages the rows may still be found."""
    try:
        with warehouse.connection() as connection:
            connection.execute("checkpoint")
    except duckdb.Error as problem:
        say(f"the write-ahead log still holds the rows until the next checkpoint: {problem}")
