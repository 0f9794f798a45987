"""The tables of a workspace: records as they are on the wire, and how one of them changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from intercom_assets.sandbox import attributes
from intercom_assets.sandbox.clock import Clock
from intercom_assets.sandbox.collections import PLAIN
from intercom_assets.sandbox.collections.declaration import Collection
from intercom_assets.sandbox.collections.filling import Maker
from intercom_assets.sandbox.collections.values import iso
from intercom_assets.sandbox.generate import Generator, generate
from intercom_assets.sandbox.plan import Plan, Record

Listener = Callable[[str, str], None]
COLLECTIONS = (
    "admins",
    "teams",
    "tags",
    "segments",
    "company_segments",
    "contact_attributes",
    "company_attributes",
    "companies",
    "contacts",
    "conversations",
    "calls",
    "ticket_states",
    "ticket_types",
    "tickets",
    *(name for name, collection in PLAIN.items() if not collection.is_child),
)


class Tables:
    """All records of a workspace; a change touches one of them, and has no consequences.

    Read with `lock` held, change through the methods: they tell the `listeners`. Records change
    in place, so copy what you want to compare with; objects inside them may be shared by many, so
    replace those and never change them.
    """

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self.plan = plan
        self.clock = clock
        self.lock = threading.RLock()
        self.version = 0
        self.listeners: list[Listener] = []
        self.rng = plan.rng("changes")
        # Records of declared collections, by id; those of children by their parent's.
        self.plain: dict[str, dict[str, Record]] = {}
        self.children: dict[str, dict[str, list[Record]]] = {}
        self._makers: dict[str, Maker] = {}
        # Contacts hold them.
        self._take(generate(plan, self.records("subscription_types")))
        for name, collection in PLAIN.items():
            self._fill(name, collection)

    def _take(self, made: Generator) -> None:
        self._generator = made
        self.me: Record = made.me
        self.admins: dict[str, Record] = made.admins
        self.teams: dict[str, Record] = made.teams
        self.tags: dict[str, Record] = made.tags
        self.segments: dict[str, Record] = made.segments
        self.company_segments: dict[str, Record] = made.company_segments
        self.contact_attributes: list[Record] = made.contact_attributes
        self.company_attributes: list[Record] = made.company_attributes
        self.companies: dict[str, Record] = made.companies
        self.contacts: dict[str, Record] = made.contacts
        self.conversations: dict[str, Record] = made.conversations
        self.parts: dict[str, list[Record]] = made.parts
        self.calls: dict[str, Record] = made.calls
        self.ticket_states: dict[str, Record] = made.desk.states
        self.ticket_types: dict[str, Record] = made.desk.types
        self.tickets: dict[str, Record] = made.desk.tickets
        self.ticket_parts: dict[str, list[Record]] = made.desk.parts
        self.sublists: dict[tuple[str, str], list[Record]] = made.sublists
        self.deleted_conversations: dict[str, int] = made.deleted_conversations
        self.deleted_contacts: dict[str, int] = {}
        self.deleted_companies: dict[str, int] = {}
        self.merged_contacts: dict[str, str] = {}
        self.merged_external_ids: dict[str, str] = {}
        self.hidden_conversations: set[str] = set()

    def _fill(self, name: str, collection: Collection) -> None:
        if name in self._makers:
            return
        maker = self._makers[name] = Maker(self.plan, collection, self)
        if collection.kinds:
            self.children[name] = {kind: maker.first({"id": kind}) for kind in collection.kinds}
            return
        if collection.parent is None:
            self.plain[name] = {str(record[collection.id]): record for record in maker.first()}
            return
        if collection.parent in PLAIN:
            self._fill(collection.parent, PLAIN[collection.parent])
        self.children[name] = {
            str(parent["id"]): maker.first(parent)
            for parent in self.records(collection.parent)
            if all(parent.get(field) == value for field, value in collection.parents.items())
        }

    def records(self, collection: str) -> list[Record]:
        """All records of a table."""
        table = self._table(collection)
        return list(table.values()) if isinstance(table, dict) else list(table)

    def changed_fields(self, collection: str) -> Record:
        """The fields of a declared collection that a busy minute changes, with new values."""
        return self._makers[collection].changed(self.time())

    def add_child(self, collection: str, parent_id: str, *, at: int | None = None) -> Record:
        """Adds a generated record to a parent, which becomes as new as its child."""
        with self.lock:
            parent = str(PLAIN[collection].parent)
            child = self._makers[collection].make(self.time(at), self.record(parent, parent_id))
            self.children[collection].setdefault(parent_id, []).append(child)
            self.update(parent, parent_id, at=at)
            return child

    def record(self, collection: str, id: str) -> Record:
        """One record by its id; an attribute by its id or its full name.

        Raises:
            KeyError: There is none.
        """
        table = self._table(collection)
        if isinstance(table, dict):
            return table[id]
        return table[attributes.position(table, id)]

    def update(
        self,
        collection: str,
        id: str,
        *,
        touch: bool = True,
        at: int | None = None,
        **fields: object,
    ) -> Record:
        """Sets fields of a record.

        Args:
            touch: Whether `updated_at` moves, where the record has one.
            at: The time of the change, instead of now.
        """
        with self.changing(collection, id):
            record = self.record(collection, id)
            if touch and "updated_at" in record:
                now = self.time(at)
                record["updated_at"] = iso(now) if isinstance(record["updated_at"], str) else now
            record.update(fields)
            return record

    def create(self, collection: str, *, at: int | None = None, **fields: object) -> Record:
        """Adds a generated record with some fields overridden."""
        with self.lock:
            self._table(collection)
            maker = self._makers.get(collection)
            made = (
                maker.make(self.time(at))
                if maker
                else self._generator.create(collection, self.time(at))
            )
            record = {**made, **fields}
            return self.put(collection, record)

    def put(self, collection: str, record: Record) -> Record:
        """Stores a record exactly as it is, in the place of the one with its id if there is one."""
        name = PLAIN[collection].id if collection in PLAIN else "id"
        ident = str(record.get(name, record.get("full_name")))
        with self.changing(collection, ident):
            table = self._table(collection)
            if isinstance(table, dict):
                table[ident] = record
            else:
                attributes.put(table, ident, record)
            if collection == "conversations":
                self.parts.setdefault(ident, [])
            elif collection == "tickets":
                self.ticket_parts.setdefault(ident, [])
            return record

    def forget(self, collection: str, id: str) -> Record:
        """Takes a record out of its table, and nothing else."""
        table = self._table(collection)
        if isinstance(table, dict):
            return table.pop(id)
        return table.pop(attributes.position(table, id))

    def new_part(self, conversation_id: str, at: int, kind: str | None = None) -> Record:
        """Makes one more part of a conversation, without putting it there."""
        return self._generator.part(self.record("conversations", conversation_id), at, kind)

    def new_ticket_part(self, ticket_id: str, at: int, kind: str) -> Record:
        """Makes one more part of a ticket, without putting it there."""
        return self._generator.desk.part(self.record("tickets", ticket_id), at, kind)

    def moved_ticket(self, ticket_id: str, state_id: str, at: int) -> tuple[Record, Record]:
        """What changes in a ticket that is put into a state, and the part that tells of it."""
        return self._generator.desk.move(self.record("tickets", ticket_id), state_id, at)

    def next_state(self, ticket_id: str) -> str:
        """Id of the state that usually comes after a ticket's own."""
        return self._generator.desk.next_state(self.record("tickets", ticket_id))

    def put_part(self, conversation_id: str, part: Record) -> Record:
        """Stores a part exactly as it is, without touching its conversation."""
        with self.changing("parts", conversation_id):
            self.parts.setdefault(conversation_id, []).append(part)
            return part

    def put_ticket_part(self, ticket_id: str, part: Record) -> Record:
        """Stores a part exactly as it is, without touching its ticket."""
        with self.changing("tickets", ticket_id):
            self.ticket_parts.setdefault(ticket_id, []).append(part)
            return part

    def time(self, at: int | None = None) -> int:
        """The time given, else now."""
        return self.clock.now() if at is None else at

    @contextmanager
    def changing(self, collection: str, id: str) -> Iterator[None]:
        """Holds the lock while a record changes, and tells the listeners afterwards."""
        with self.lock:
            yield
            self.version += 1
            for listener in self.listeners:
                listener(collection, id)

    def _table(self, collection: str) -> dict[str, Record] | list[Record]:
        if collection not in COLLECTIONS:
            raise KeyError(f"no collection is called {collection!r}")
        if collection in PLAIN:
            # While the first records are made, one collection may refer to a later one.
            self._fill(collection, PLAIN[collection])
            return self.plain[collection]
        table: dict[str, Record] | list[Record] = getattr(self, collection)
        return table
