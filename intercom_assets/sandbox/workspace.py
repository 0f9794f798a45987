"""An Intercom workspace in memory: its data, and the ways in which data changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from intercom_assets.sandbox import attributes, changes, consequences, replies, sublists
from intercom_assets.sandbox.clock import Clock
from intercom_assets.sandbox.generate import Generator, generate
from intercom_assets.sandbox.plan import DAY, Plan, Record

Listener = Callable[[str, str], None]
COLLECTIONS = (
    "admins",
    "teams",
    "tags",
    "segments",
    "company_segments",
    "contact_attributes",
    "company_attributes",
    "subscription_types",
    "companies",
    "contacts",
    "conversations",
)


class Workspace:
    """All records as they are on the wire, generated from a seed.

    Read with `lock` held, change through the methods: they keep the records consistent with each
    other and tell the `listeners`. Records change in place, so copy what you want to compare with;
    objects inside them may be shared by many, so replace those and never change them.

    Args:
        seed: Equal seeds and sizes make equal data.
        hidden: How many conversations are listed by search though they are gone.
        long_conversations: How many have 500 parts or more; the first has 600.
        history_days: The data's times are laid out over so many days before the anchor.
        anchor: The last second of the data; by default the start of the clock's day, in UTC.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        contacts: int = 300,
        companies: int = 120,
        conversations: int = 200,
        admins: int = 8,
        teams: int = 3,
        tags: int = 25,
        segments: int = 6,
        timezone: str = "America/New_York",
        id_code: str = "sandbox1",
        region: str = "US",
        clock: Clock | None = None,
        history_days: int = 400,
        parts_per_conversation: int = 6,
        long_conversations: int = 3,
        hidden: int = 0,
        anchor: int | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.plan = Plan(
            seed=seed,
            contacts=contacts,
            companies=companies,
            conversations=conversations,
            admins=admins,
            teams=teams,
            tags=tags,
            segments=segments,
            timezone=timezone,
            id_code=id_code,
            region=region,
            history_days=history_days,
            parts_per_conversation=parts_per_conversation,
            long_conversations=min(long_conversations, conversations // 10),
            hidden=hidden,
            anchor=self.clock.now() // DAY * DAY if anchor is None else anchor,
        )
        self.lock = threading.RLock()
        self.version = 0
        self.listeners: list[Listener] = []
        self.rng = self.plan.rng("changes")
        self._take(generate(self.plan))
        for ident in list(self.conversations)[len(self.conversations) - hidden :]:
            self.hide(ident, at=self.plan.anchor)

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
        self.subscription_types: dict[str, Record] = made.subscription_types
        self.companies: dict[str, Record] = made.companies
        self.contacts: dict[str, Record] = made.contacts
        self.conversations: dict[str, Record] = made.conversations
        self.parts: dict[str, list[Record]] = made.parts
        self.sublists: dict[tuple[str, str], list[Record]] = made.sublists
        self.deleted_conversations: dict[str, int] = made.deleted_conversations
        self.deleted_contacts: dict[str, int] = {}
        self.deleted_companies: dict[str, int] = {}
        self.merged_contacts: dict[str, str] = {}
        self.hidden_conversations: set[str] = set()

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
                record["updated_at"] = self.time(at)
            record.update(fields)
            return record

    def create(self, collection: str, *, at: int | None = None, **fields: object) -> Record:
        """Adds a generated record with some fields overridden."""
        with self.lock:
            self._table(collection)
            record = {**self._generator.create(collection, self.time(at)), **fields}
            return self.put(collection, record)

    def put(self, collection: str, record: Record) -> Record:
        """Stores a record exactly as it is, in the place of the one with its id if there is one."""
        ident = str(record.get("id", record.get("full_name")))
        with self.changing(collection, ident):
            table = self._table(collection)
            if isinstance(table, dict):
                table[ident] = record
            else:
                attributes.put(table, ident, record)
            if collection == "conversations":
                self.parts.setdefault(ident, [])
            return record

    def delete(self, collection: str, id: str) -> None:
        """Removes a record, and what others say of it."""
        with self.changing(collection, id):
            self.record(collection, id)
            consequences.remove(self, collection, id)

    def forget(self, collection: str, id: str) -> Record:
        """Takes a record out of its table, and nothing else."""
        table = self._table(collection)
        if isinstance(table, dict):
            return table.pop(id)
        return table.pop(attributes.position(table, id))

    def merge_contacts(self, source: str, target: str) -> None:
        """Merges one contact into another: the source vanishes, the target takes over its lists."""
        with self.changing("contacts", source):
            consequences.merge(self, source, target)

    def hide(self, conversation_id: str, *, at: int | None = None) -> None:
        """Deletes a conversation behind the back of search, which goes on listing it."""
        with self.changing("conversations", conversation_id):
            self.record("conversations", conversation_id)
            self.hidden_conversations.add(conversation_id)
            self.deleted_conversations[conversation_id] = self.time(at)

    def set_sublist(
        self,
        id: str,
        kind: str,
        records: list[Record],
        *,
        touch: bool = True,
        at: int | None = None,
    ) -> Record:
        """Replaces a list of a contact ("tags", "companies", "notes", "subscriptions").

        The notes of a company are set in the same way. What is embedded is cut from the list anew.
        """
        if kind not in sublists.KINDS:
            raise KeyError(f"no list is called {kind!r}")
        with self.lock:
            collection = "contacts" if id in self.contacts else "companies"
            self.record(collection, id)
            if kind == "companies":
                consequences.recount(self, self.sublists.get((id, kind), []), records)
            if records:
                self.sublists[id, kind] = list(records)
            else:
                self.sublists.pop((id, kind), None)
            fields = sublists.embedded(id, kind, records, owner=collection)
            return self.update(collection, id, touch=touch, at=at, **fields)

    def add_part(self, conversation_id: str, *, at: int | None = None, **fields: object) -> Record:
        """Adds a part to a conversation, which becomes as new as its part."""
        with self.changing("parts", conversation_id):
            conversation = self.record("conversations", conversation_id)
            when = self.time(at)
            kind = fields.get("part_type")
            part = self._generator.part(conversation, when, str(kind) if kind else None)
            part.update(fields)
            replies.append(self, conversation_id, part, when)
            return part

    def put_part(self, conversation_id: str, part: Record) -> Record:
        """Stores a part exactly as it is, without touching its conversation."""
        with self.changing("parts", conversation_id):
            self.parts.setdefault(conversation_id, []).append(part)
            return part

    def change(self, n: int = 5) -> dict[str, int]:
        """Does what a busy minute does; tells how many records of each stream are new or changed.

        Args:
            n: Roughly how many contacts and conversations are concerned.
        """
        with self.lock:
            return changes.change(self, n)

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
        table: dict[str, Record] | list[Record] = getattr(self, collection)
        return table
