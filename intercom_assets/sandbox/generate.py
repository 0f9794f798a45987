"""Fills a workspace: the same plan, the same data."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import count

from intercom_assets.sandbox import attributes, authors, directory, sublists
from intercom_assets.sandbox.companies import Companies
from intercom_assets.sandbox.contacts import Contacts
from intercom_assets.sandbox.conversations import Conversations
from intercom_assets.sandbox.memberships import Memberships
from intercom_assets.sandbox.moments import Moments
from intercom_assets.sandbox.parts import Parts
from intercom_assets.sandbox.phone_calls import PhoneCalls
from intercom_assets.sandbox.plan import DAY, Plan, Record
from intercom_assets.sandbox.tickets.desk import COLLECTIONS, Desk

_COMPANY_SEGMENTS = 4
# The first is longer than what Intercom gives out of a conversation, the others are at the border.
_LONG = (600, 501, 500)
_LONG_FROM = 7
_DELETED_ONE_IN = 60

Sublists = dict[tuple[str, str], list[Record]]


def generate(plan: Plan, subscriptions: list[Record]) -> Generator:
    """Makes everything that a plan asks for; the subscriptions are dealt out to contacts."""
    collecting = gc.isenabled()
    # Nothing made here is garbage, and looking for some would take longer than making it.
    gc.disable()
    try:
        return Generator(plan, subscriptions)
    finally:
        if collecting:
            gc.enable()


class Generator:
    """Makes all of a workspace's records, and later more of them.

    The tables are plain dicts in the order of making; the workspace takes them over as they are.
    """

    def __init__(self, plan: Plan, subscriptions: list[Record]) -> None:
        self.plan = plan
        self._subscriptions = subscriptions
        self._rng = plan.rng("generator")
        self._numbers = {kind: count(size) for kind, size in _sizes(plan).items()}
        self._make_settings()
        self._make_companies()
        self._make_contacts()
        self._make_conversations()
        self._call = PhoneCalls(plan, self.admins)
        self.calls = directory.by_id(self._call.of(self.conversations.values()))
        self.desk = Desk(plan, list(self.admins.values()), list(self.teams.values()), self.contacts)
        self.desk.fill(list(self.conversations.values()))

    def _make_settings(self) -> None:
        plan = self.plan
        self.admins = directory.by_id(directory.admin(plan, n) for n in range(plan.admins))
        self.teams = directory.by_id(directory.team(plan, n) for n in range(plan.teams))
        self.tags = directory.by_id(directory.tag(n) for n in range(plan.tags))
        self.me = directory.me(plan, directory.admin(plan, 0))
        moments = Moments(plan, "segments")
        times = ((moment, moments.before(moment, plan.span)) for moment in _draws(moments))
        self.segments = directory.by_id(
            directory.segment(plan, n, *next(times)) for n in range(plan.segments)
        )
        self.company_segments = directory.by_id(
            directory.company_segment(plan, n, *next(times)) for n in range(_COMPANY_SEGMENTS)
        )
        self.contact_attributes = attributes.contact_attributes(plan)
        self.company_attributes = attributes.company_attributes(plan)

    def _make_companies(self) -> None:
        plan = self.plan
        tags, segments = list(self.tags.values()), list(self.company_segments.values())
        self._company = Companies(plan, tags, segments)
        self.companies: dict[str, Record] = {}
        moments = Moments(plan, "companies")
        for _ in range(plan.companies):
            moment = moments.draw()
            record = self._company.make(moments.before(moment, plan.span), moment)
            self.companies[record["id"]] = record

    def _make_contacts(self) -> None:
        plan = self.plan
        admins = list(self.admins.values())
        self._contact = Contacts(plan, admins)
        self.memberships = Memberships(
            plan,
            list(self.tags.values()),
            list(self.companies.values()),
            self._subscriptions,
            admins,
        )
        self.contacts: dict[str, Record] = {}
        self.sublists: Sublists = {}
        moments = Moments(plan, "contacts", imports=True)
        for n in range(plan.contacts):
            moment = moments.draw()
            record = self._contact.make(moments.before(moment, plan.span), moment)
            self.contacts[record["id"]] = record
            self._join(record, n)
        self._write_company_notes()

    def _join(self, contact: Record, n: int) -> None:
        """Gives a contact its lists, whole in `sublists` and cut in the contact."""
        ident = contact["id"]
        for kind, records in self.memberships.of(contact, n).items():
            self.sublists[ident, kind] = records
            contact.update(sublists.embedded(ident, kind, records))
            if kind == "companies":
                for company in records:
                    company["user_count"] += 1

    def _write_company_notes(self) -> None:
        for n, company in enumerate(self.companies.values()):
            if n % 10 != 3:
                continue
            wanted = 12 if n % 50 == 3 else 1
            notes = [
                self.memberships.note(company["updated_at"], company=company) for _ in range(wanted)
            ]
            self.sublists[company["id"], "notes"] = notes
            company["notes"] = sublists.company_notes(company["id"], notes)

    def _make_conversations(self) -> None:
        plan = self.plan
        admins, teams = list(self.admins.values()), list(self.teams.values())
        tags, companies = list(self.tags.values()), list(self.companies.values())
        self._conversation = Conversations(plan, admins, teams, tags, companies)
        self._part = Parts(plan, admins, teams, tags)
        self.conversations: dict[str, Record] = {}
        self.parts: dict[str, list[Record]] = {}
        self.deleted_conversations: dict[str, int] = {}
        people = list(self.contacts.values())
        for n, (created_at, updated_at) in enumerate(self._conversation_times()):
            if n % _DELETED_ONE_IN == 30:
                self.deleted_conversations[self._conversation.next_id()] = updated_at
            contacts = self._participants(people, n)
            parts = self._talk(created_at, updated_at, contacts, self._length(n))
            record = self._conversation.make(created_at, updated_at, contacts, parts)
            self.conversations[record["id"]] = record
            self.parts[record["id"]] = parts

    def _conversation_times(self) -> list[tuple[int, int]]:
        """Creation and last change, ordered as ids are: by creation."""
        moments = Moments(self.plan, "conversations")
        drawn = (moments.draw() for _ in range(self.plan.conversations))
        return sorted((moments.before(moment, 30 * DAY), moment) for moment in drawn)

    def _participants(self, people: list[Record], n: int) -> list[Record]:
        """Mostly one, at times two or nobody."""
        wanted = min(0 if n % 50 == 49 else 1 + (n % 12 == 5), len(people))
        first = int(self._rng.random() * len(people))
        return [people[(first + k) % len(people)] for k in range(wanted)]

    def _length(self, n: int) -> int:
        """How many parts the nth conversation has."""
        usual = self.plan.parts_per_conversation
        chance = self._rng.random()
        nth_long = n - _LONG_FROM
        if 0 <= nth_long < self.plan.long_conversations and usual:
            return _LONG[nth_long] if nth_long < len(_LONG) else _LONG[0]
        # Some have none, and their share is made up for by the others.
        return 0 if n % 20 == 11 else int(chance * (2 * usual + 1))

    def _talk(
        self, created_at: int, updated_at: int, contacts: list[Record], length: int
    ) -> list[Record]:
        """Parts between the two times, the last of them at the end."""
        if not length:
            return []
        author = authors.of_contact(contacts[0]) if contacts else authors.UNKNOWN_CONTACT
        span, random = updated_at - created_at, self._rng.random
        times = sorted(created_at + int(random() * span) for _ in range(length - 1))
        make = self._part.make
        parts = [make(at, author) for at in (*times, updated_at)]
        for part in parts:
            # An edit comes after the part, but not after the conversation's last change.
            part["updated_at"] = min(part["updated_at"], updated_at)
            part["notified_at"] = min(part["notified_at"], updated_at)
        return parts

    def create(self, collection: str, at: int) -> Record:
        """One more record of a collection, made at a time; its tables are not touched."""
        if collection == "contacts":
            return self._contact.make(at, at)
        if collection == "companies":
            return self._company.make(at, at)
        if collection == "conversations":
            people = list(self.contacts.values())
            number = next(self._numbers[collection])
            return self._conversation.make(at, at, self._participants(people, number), [])
        if collection in COLLECTIONS:
            return self.desk.create(collection, at)
        return self._create_setting(collection, next(self._numbers[collection]), at)

    def _create_setting(self, collection: str, n: int, at: int) -> Record:
        plan = self.plan
        makers = {
            "admins": lambda: directory.admin(plan, n),
            "teams": lambda: directory.team(plan, n),
            "tags": lambda: directory.tag(n),
            "calls": lambda: self._call.make(next(iter(self.conversations.values()), None), at),
            "segments": lambda: directory.segment(plan, n, at, at),
            "company_segments": lambda: directory.company_segment(plan, n, at, at),
            "contact_attributes": lambda: attributes.custom_attribute(
                plan, "contact", 900_000 + n, n, at
            ),
            "company_attributes": lambda: attributes.custom_attribute(
                plan, "company", 950_000 + n, n, at
            ),
        }
        return makers[collection]()

    def part(self, conversation: Record, at: int, kind: str | None = None) -> Record:
        """One more part of a conversation, not yet put there."""
        listed = (conversation.get("contacts") or {}).get("contacts")
        contact = self.contacts.get(listed[0]["id"]) if listed else None
        author = authors.of_contact(contact) if contact else authors.UNKNOWN_CONTACT
        return self._part.make(at, author, kind)


def _draws(moments: Moments) -> Iterator[int]:
    while True:
        yield moments.draw()


def _sizes(plan: Plan) -> dict[str, int]:
    """Where numbering goes on after the first fill."""
    return {
        "admins": plan.admins,
        "teams": plan.teams,
        "tags": plan.tags,
        "segments": plan.segments,
        "company_segments": _COMPANY_SEGMENTS,
        "contact_attributes": 100,
        "company_attributes": 100,
        "conversations": plan.conversations,
        "calls": 0,
    }
