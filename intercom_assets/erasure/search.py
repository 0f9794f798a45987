"""Where a person is: which rows are about them, and which they have a share in."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from intercom_assets.erasure.person import ADDRESSES, Person, Words
from intercom_assets.erasure.rows import Redactor, Share
from intercom_assets.erasure.table import PersonalTable
from intercom_assets.streams import STREAMS, BaseStream
from intercom_assets.streams.transform import Record

CONTACTS = "contacts"


class NotErasable(Exception):
    """The contact cannot be erased; the message says what to do."""


class Search:
    """Where a person is.

    Args:
        tables: The tables of each stream.
        contact: The id of their contact.
        merged: What is noted of merged contacts, whose rows may be gone: into which each was.

    Attributes:
        ids: The contact's, then those of contacts that had been merged into it.

    Raises:
        NotErasable: When the contact was merged into another one.
    """

    def __init__(
        self,
        tables: Mapping[str, list[PersonalTable]],
        contact: str,
        merged: Mapping[str, str],
    ) -> None:
        self.tables = tables
        self._into = merged
        self.ids = self._merged(contact)
        self._person = Person(frozenset(self.ids))
        # Rows that are about the person, by stream: what hangs on them is, too.
        self._gone: dict[str, set[str]] = {CONTACTS: set(self.ids)}
        for stream, table in self.all():
            self._learn(stream, table)

    def all(self) -> Iterator[tuple[type[BaseStream], PersonalTable]]:
        """Every table, parents before their children."""
        for stream in sorted(STREAMS.values(), key=_depth):
            for table in self.tables.get(stream.tap_stream_id, ()):
                yield stream, table

    def remove(self, stream: type[BaseStream], table: PersonalTable) -> int:
        """Removes the rows that are about the person; returns how many."""
        which = self._about(stream, table)
        if which == "false":
            return 0
        if stream.tap_stream_id != CONTACTS:
            key = stream.key_properties[0]
            self._gone.setdefault(stream.tap_stream_id, set()).update(table.column(key, which))
        return table.remove(which)

    def redact(self, stream: type[BaseStream], table: PersonalTable) -> int:
        """Takes the person out of the rows that stay; returns how many became others."""
        which = [table.mentions(self._signs)]
        for column, talks in self._columns_of_talks(stream).items():
            which.append(table.among(column, self._talks[talks][0]))
        redactor = Redactor(self._person, stream)
        return table.change(
            " or ".join(which), lambda row: redactor.without(row, self._share(stream, row))
        )

    def namesakes(self) -> list[str]:
        """Other contacts that have an email of theirs."""
        emails = [text for text in self._person.addresses if "@" in text]
        return sorted(
            id
            for table in self.tables.get(CONTACTS, ())
            for id in table.column("id", table.among("email", emails))
            if id not in self.ids
        )

    def _merged(self, contact: str) -> list[str]:
        """The contact, and those that had been merged into it, however long ago."""
        if into := self._survivors(contact):
            raise NotErasable(
                f"contact {contact} was merged into {', '.join(into)}: erase that one, which takes "
                "along all that was merged into it"
            )
        found = [contact]
        for id in found:
            sources = {source for source, into in self._into.items() if into == id}
            for table in self.tables.get(CONTACTS, ()):
                sources |= table.column("id", table.among("_merged_into", [id]))
                for _, row in table.rows(table.among("id", [id])):
                    sources |= _sources(row)
            for table in self.tables.get("contact_merges", ()):
                sources |= table.column("source_contact_id", table.among("contact_id", [id]))
            found += sorted(sources - set(found))
        return found

    def _survivors(self, contact: str) -> list[str]:
        """The contacts that a contact was merged into."""
        found = {self._into[contact]} if contact in self._into else set()
        for table in self.tables.get(CONTACTS, ()):
            found |= table.column("_merged_into", table.among("id", [contact]))
            for _, row in table.rows(table.mentions(re.escape(contact))):
                found |= {str(row["id"])} if contact in _sources(row) else set()
        for table in self.tables.get("contact_merges", ()):
            found |= table.column("contact_id", table.among("source_contact_id", [contact]))
        return sorted(found)

    def _learn(self, stream: type[BaseStream], table: PersonalTable) -> None:
        """Takes in what a table tells of the person."""
        ids = "|".join(map(re.escape, self.ids))
        for _, row in table.rows(table.mentions(ids)):
            self._person.learn(row)
            if any(str(row.get(column)) in self.ids for column in stream.contact_columns):
                # A name may be anything's there.
                told = {name: row.get(name) for name in ADDRESSES}
                self._person.learn({**told, "id": self.ids[0]})

    def _about(self, stream: type[BaseStream], table: PersonalTable) -> str:
        """The rows that are about the person, as SQL."""
        which = [table.among(column, self.ids) for column in stream.contact_columns]
        if stream.parent:
            gone = self._gone.get(stream.parent.tap_stream_id, set())
            for column, of in stream.references.items():
                if of == "id":
                    which.append(table.among(column, gone))
        which = [each for each in which if each != "false"]
        return " or ".join(which) or "false"

    @cached_property
    def _signs(self) -> str:
        """What says that a row may have to do with the person, as a regular expression."""
        return Words({*self.ids, *self._person.addresses}).pattern

    @cached_property
    def _talks(self) -> Mapping[str, tuple[set[str], set[str]]]:
        """Conversations and tickets that they took part in, and those that were theirs alone."""
        ids = Words(self.ids).pattern
        took: dict[str, set[str]] = defaultdict(set)
        wrote: dict[str, set[str]] = defaultdict(set)
        others: dict[str, set[str]] = defaultdict(set)
        for stream, table in self.all():
            name = stream.tap_stream_id
            for _, row in table.rows(table.mentions(ids)):
                if stream.shared_by:
                    contacts = {str(each.get("id")) for each in _dicts(row.get(stream.shared_by))}
                    source = row.get("source")
                    began = isinstance(source, dict) and self._person.is_meant(source.get("author"))
                    if began or contacts & set(self.ids):
                        took[name].add(str(row["id"]))
                    if contacts - set(self.ids):
                        others[name].add(str(row["id"]))
                elif self._person.is_meant(row.get("author")):
                    for column, talks in self._columns_of_talks(stream).items():
                        wrote[talks].add(str(row[column]))
        return {
            # Who wrote in what is not told to be theirs was not alone there.
            name: (took[name] | wrote[name], took[name] - others[name])
            for name in _TALKS.values()
        }

    def _columns_of_talks(self, stream: type[BaseStream]) -> Mapping[str, str]:
        """The columns of a stream that tell of which conversation or ticket a row is."""
        if stream.shared_by:
            return {"id": stream.tap_stream_id}
        properties = stream.load_schema()["properties"]
        return {column: of for column, of in _TALKS.items() if column in properties}

    def _share(self, stream: type[BaseStream], row: Record) -> Share:
        took_part = alone = False
        for column, talks in self._columns_of_talks(stream).items():
            took, own = self._talks[talks]
            took_part |= str(row.get(column)) in took
            alone |= str(row.get(column)) in own
        return Share(took_part, alone)


def _sources(row: Record) -> set[str]:
    """The contacts that were merged into one."""
    merges = _dicts(row.get("merge_history"))
    return {str(merge["source_contact_id"]) for merge in merges if merge.get("source_contact_id")}


def _depth(stream: type[BaseStream]) -> int:
    return 1 + _depth(stream.parent) if stream.parent else 0


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


# What hangs on conversations and tickets, by its column of their ids.
_TALKS = {
    column: stream.parent.tap_stream_id
    for stream in STREAMS.values()
    if stream.parent and stream.parent.shared_by
    for column, of in stream.references.items()
    if of == "id"
}
