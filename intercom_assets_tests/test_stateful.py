"""Any sequence of changes, faults, deaths and runs ends, after one clean run, in agreement."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from intercom_assets.client.errors import IntercomError
from intercom_assets.extraction import Extraction
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.sandbox.attached import attached
from intercom_assets.sandbox.faults import Kind
from intercom_assets.streams import STREAMS, Run
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.berth import Berth
from intercom_assets.warehouse.errors import WarehouseError
from intercom_assets.warehouse.spec import MARK, REMOVE
from intercom_assets_tests.conftest import client_of
from intercom_assets_tests.marks import wrong_marks, wrong_versions
from intercom_assets_tests.truth import differences
from intercom_assets_tests.warehouses import (
    FILE,
    Database,
    opened,
    warehouse_of,
)

TINY = {"contacts": 7, "companies": 5, "conversations": 6, "tickets": 4}
FEED = "deleted_conversations"
RUN_STREAMS = ("conversations", "conversation_parts", "contacts", "companies", "tags", FEED)
# What goes besides contacts and conversations, and may come back.
EXPENDABLE = ("tickets", "articles", "companies", "tags", "admins", "teams", "company_attributes")
# Of these only a sweep or a refresh tells what is gone; of contacts a merge tells itself.
DESK = ("tickets", "ticket_parts", "articles", "admin_list", "teams", "company_attributes")
UNTOLD = ("contacts", "tickets", "ticket_parts", "articles")
FAULTS: tuple[Kind, ...] = ("status", "reset", "cut_json", "empty_200", "cut_connection")


# How `differences` ends what it says of a row that was deleted at the source.
GONE = "is there, but not at the source"


class Died(BaseException):
    """The process ended here."""


class World:
    """A workspace, a database, and runs that may die; without Dagster, so that many fit in."""

    streams: tuple[str, ...] = RUN_STREAMS
    history: tuple[str, ...] = ()
    on_delete = MARK

    def __init__(
        self, sandbox: Sandbox, folder: Path, seed: int, database: Database | None = None
    ) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.database = database or folder / "warehouse.duckdb"
        self.warehouse = warehouse_of(self.database)
        self.copy: Path | None = None
        self.dice = random.Random(seed)
        self.runs = 0
        self._deaths: int | None = None

    def run(
        self, dies_after: int | None = None, full_refresh: bool = False, sweep: bool = False
    ) -> None:
        """Reads all streams; may die at a boundary of a commit. The feed comes anywhere."""
        self._deaths = dies_after
        self.runs += 1
        client = client_of(self.sandbox, page_size=3, retry_wait=0.001)
        try:
            others = [name for name in self.streams if name not in (FEED, "ticket_parts")]
            if FEED in self.streams:
                others.insert(self.dice.randint(0, len(others)), FEED)
            for name in others:
                self._land(client, name, full_refresh, sweep)
        finally:
            client.close()

    def _land(self, client: Any, name: str, full_refresh: bool, sweep: bool) -> None:
        run = Run(lookback=600, full_refresh=full_refresh, sweep=sweep)
        extraction = Extraction(
            STREAMS[name](client),
            run,
            allow_empty=True,
            allow_shrink=True,
            history=self.history,
            on_delete=self.on_delete,
        )
        warehouse = _Mortal(self.warehouse, self.cross)
        whose = (extraction.source, f"run {self.runs}")
        nested = [
            Berth(warehouse, inner.stream.tap_stream_id, inner.table, *whose)
            for inner in extraction.nested
        ]
        landing = Landing(warehouse, name, extraction.table, *whose, nested)
        batches = extraction.batches(landing.stored.state, landing.queue())
        for berth in landing.all:
            berth.began = extraction.began
        for batch in batches:
            if batch.sweep:
                landing.commit()
                landing.sweep(batch.state, allow_shrink=True)
            elif extraction.table.replace:
                landing.waiting.add(batch)
            else:
                landing.commit([batch])
        if extraction.table.replace:
            landing.replace([], allow_empty=True)
        else:
            landing.commit()

    def cross(self) -> None:
        """A boundary of a commit."""
        if self._deaths is not None:
            self._deaths -= 1
            if self._deaths < 0:
                raise Died

    def change(self) -> None:
        """Somebody works in Intercom."""
        self.sandbox.workspace.clock.advance(self.dice.choice([1, 70, 4_000, 200_000]))
        space = self.sandbox.workspace
        space.change(self.dice.randint(1, 4))
        for collection in ("contacts", "conversations"):
            held = list(getattr(space, collection))
            if len(held) > 3 and self.dice.random() < 0.5:
                space.delete(collection, self.dice.choice(held))
        users = [id for id, contact in space.contacts.items() if contact["role"] == "user"]
        if len(users) > 2 and self.dice.random() < 0.3:
            source, target = self.dice.sample(users, 2)
            space.merge_contacts(source, target)
        restorable = [id for collection, id in space.removed if collection == "conversations"]
        if restorable and self.dice.random() < 0.3:
            space.restore("conversations", self.dice.choice(restorable), touch=True)

    def trouble(self) -> None:
        """The network gets worse, or better again."""
        if self.sandbox.faults:
            self.sandbox.faults.clear()
            return
        kind, seed = self.dice.choice(FAULTS), self.dice.randint(0, 99)
        self.sandbox.faults.append(Fault(kind, probability=0.2, seed=seed))

    def keep_copy(self) -> None:
        """Somebody makes a backup."""
        if self.database.exists() and not self.database.with_suffix(".duckdb.wal").exists():
            self.copy = Path(shutil.copy(self.database, self.folder / "copy.duckdb"))

    def restore_copy(self) -> None:
        """Somebody restores it."""
        if self.copy is not None:
            shutil.copy(self.copy, self.database)
            self.database.with_suffix(".duckdb.wal").unlink(missing_ok=True)

    def lose_database(self) -> None:
        """The disk is gone."""
        self.database.unlink(missing_ok=True)
        self.database.with_suffix(".duckdb.wal").unlink(missing_ok=True)

    def die(self) -> None:
        """A run that dies."""
        self._attempt(dies_after=self.dice.randint(0, 25))

    def live(self) -> None:
        """A run that may fail, for the network's sake."""
        self._attempt()

    def refresh(self) -> None:
        """A full refresh that may die."""
        self._attempt(dies_after=self.dice.choice([None, 5, 15]), full_refresh=True)

    def look(self) -> None:
        """A sweep that may die."""
        self._attempt(dies_after=self.dice.choice([None, 3, 9]), sweep=True)

    def _attempt(self, **wanted: Any) -> None:
        with suppress(Died, IntercomError, WarehouseError):
            self.run(**wanted)

    def settle(self) -> None:
        """Checks one clean run, and then a sweep or a full refresh.

        The first tells of conversations, and of contacts that were merged into others; what else
        is gone only the second.
        """
        self.sandbox.faults.clear()
        self.sandbox.workspace.clock.advance(3_600)
        self.run()
        found = self._differences()
        told = {
            name: [p for p in problems if not self._is_untold(name, p)]
            for name, problems in found.items()
        }
        assert not any(told.values()), told
        is_swept = self.dice.random() < 0.5
        self.run(sweep=is_swept, full_refresh=not is_swept)
        found = self._differences()
        assert not any(found.values()), found
        self._check_marks()

    def _is_untold(self, name: str, problem: str) -> bool:
        if name not in UNTOLD or GONE not in problem:
            return False
        space = self.sandbox.workspace
        told = {
            entry["source_contact_id"]
            for ident in space.contacts
            for entry in attached(space, ident, "merge_history")
        }
        return name != "contacts" or problem.split()[0] not in told

    def _check_marks(self) -> None:
        space = self.sandbox.workspace
        names = [name for name in self.streams if name != FEED]
        assert wrong_marks(self.database, space, names, self.on_delete) == []
        for name in self.history:
            assert wrong_versions(self.database, name) == []
        query = "select id from intercom.conversations where _deleted_at is not null"
        with opened(self.database) as connection:
            marked = {ident for (ident,) in connection.execute(query).fetchall()}
        assert marked <= set(space.deleted_conversations)

    def _differences(self) -> dict[str, list[str]]:
        """Where tables and workspace disagree."""
        space = self.sandbox.workspace
        names = (name for name in self.streams if name != FEED)
        return {name: differences(self.database, space, name) for name in names}


class Desk(World):
    """A world with tickets, articles and what is replaced as a whole, all of which may go."""

    streams = (*RUN_STREAMS, *DESK)

    def change(self) -> None:
        """Some of it goes, comes back, or is archived."""
        super().change()
        space = self.sandbox.workspace
        for collection in EXPENDABLE:
            held = [ident_of(each) for each in space.records(collection)]
            lost = [ident for of, ident in space.removed if of == collection]
            if len(held) > 2 and self.dice.random() < 0.3:
                space.delete(collection, self.dice.choice(held))
            elif lost and self.dice.random() < 0.3:
                space.restore(collection, self.dice.choice(lost), touch=True)
        if space.company_attributes and self.dice.random() < 0.3:
            archived = self.dice.choice(space.records("company_attributes"))
            space.update("company_attributes", ident_of(archived), archived=True)


class RemovingDesk(Desk):
    """The same, of which rows that are gone are removed."""

    on_delete = REMOVE


def ident_of(record: dict[str, Any]) -> str:
    return str(record.get("id") or record["full_name"])


class _Mortal(Warehouse):
    """A warehouse at whose commits a run can die: before them, or after."""

    def __init__(self, warehouse: Warehouse, cross: Any) -> None:
        super().__init__(warehouse._connect, warehouse.schema, kind=warehouse.kind)
        self._cross = cross

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with super().transaction() as connection:
            yield connection
            self._cross()
        self._cross()


OPERATIONS: list[Callable[[Any], None]] = [
    lambda world: world.change(),
    World.trouble,
    World.live,
    World.die,
    World.refresh,
    World.look,
    World.keep_copy,
    World.restore_copy,
    World.lose_database,
]


def check(
    seed: int,
    operations: list[Any],
    database: Database | None = None,
    kind: type[World] = World,
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(**TINY, scroll_page_size=2, scroll_expiry=0.02) as sandbox,
    ):
        for article in list(sandbox.workspace.records("articles"))[4:]:
            sandbox.workspace.delete("articles", article["id"])
        sandbox.workspace.removed.clear()
        world = kind(sandbox, Path(folder), seed, database)
        for operation in operations:
            operation(world)
        world.settle()


sequences = st.lists(st.sampled_from(OPERATIONS), min_size=3, max_size=9)
quiet = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.long
@settings(quiet, max_examples=2, derandomize=True)
@given(st.integers(0, 2**32), sequences)
@example(5, [World.live, World.change])  # a change an hour after a whole run
def test_any_sequence_ends_in_agreement(seed: int, operations: list[Any]) -> None:
    check(seed, operations)


@pytest.mark.slow
@settings(quiet, max_examples=60)
@given(st.integers(0, 2**32), sequences, st.sampled_from([Desk, RemovingDesk]))
def test_many_sequences_end_in_agreement(
    seed: int, operations: list[Any], kind: type[World]
) -> None:
    check(seed, operations, kind=kind)


@pytest.mark.slow
@pytest.mark.every_kind
def test_sequences_end_in_agreement_whatever_the_kind_of_warehouse(
    at: Callable[[str], Database], warehouse_kind: str
) -> None:
    dice = random.Random(11)
    # Nobody copies a lake as a file.
    of_files = {World.keep_copy, World.restore_copy, World.lose_database}
    possible = [o for o in OPERATIONS if warehouse_kind == FILE or o not in of_files]
    for number in range(4):
        operations = [World.live, World.change, World.die, *dice.choices(possible, k=3)]
        check(dice.randrange(99), operations, at(f"world_{number}.duckdb"))
