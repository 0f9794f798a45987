"""What a row is without a person: a pure transform, by what streams declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from intercom_assets.erasure.person import ADDRESSES, NAMES, Person, Words
from intercom_assets.streams import BaseStream
from intercom_assets.streams.privacy import changed_at
from intercom_assets.streams.transform import Record

# What remains of what the person wrote, and of what stands for them: kinds and ids, no content.
KINDS = ("type", "id", "part_type", "delivered_as", "state")
_TEXTS = (str, dict, list)


@dataclass(frozen=True)
class Share:
    """What a row has to do with a person.

    Attributes:
        took_part: Whether it is of a conversation or ticket that they took part in.
        alone: Whether they are the only contact of that.
    """

    took_part: bool = False
    alone: bool = False


@dataclass(frozen=True)
class Redactor:
    """What rows of a stream are without a person.

    Attributes:
        person: The person.
        stream: The stream.
    """

    person: Person
    stream: type[BaseStream]

    def without(self, row: Mapping[str, Any], share: Share) -> Record:
        """A row without the person: what they wrote is emptied, and what tells of them.

        Args:
            row: Its columns, with JSON decoded; the given one is left alone.
            share: What the person has to do with it.
        """
        kept = dict(row)
        if self.person.is_meant(row.get("author")):
            kept = {
                name: value if name in self._harmless or not isinstance(value, _TEXTS) else None
                for name, value in row.items()
            }
        elif (share.alone and "author" not in self._properties) or self._began(row):
            for name in (*self.stream.bodies, *self.stream.personal):
                kept = changed_at(kept, tuple(name.split(".")), lambda _: None)
        words = self._all_words if share.took_part else self._addresses
        return {
            name: self._value(value, words, is_own=name in (*ADDRESSES, *NAMES))
            for name, value in kept.items()
        }

    def _began(self, row: Mapping[str, Any]) -> bool:
        source = row.get("source")
        return isinstance(source, dict) and self.person.is_meant(source.get("author"))

    def _value(self, value: Any, words: Words, is_own: bool = False) -> Any:
        """A value without the person.

        Args:
            value: The value.
            words: What they are known by.
            is_own: Whether it is what somebody else is known by.
        """
        if isinstance(value, str):
            return value if is_own else words.out_of(value)
        if isinstance(value, list):
            return [self._value(item, words) for item in value]
        if not isinstance(value, dict):
            return value
        if self.person.is_meant(value):
            return {name: item if name in KINDS else None for name, item in value.items()}
        if self.person.is_meant(value.get("author")):
            value = {
                name: item if name in (*KINDS, "author") or not isinstance(item, _TEXTS) else None
                for name, item in value.items()
            }
        of_another = value.get("id") is not None
        return {
            name: self._value(item, words, of_another and name in (*ADDRESSES, *NAMES))
            for name, item in value.items()
        }

    @cached_property
    def _all_words(self) -> Words:
        return Words(self.person.addresses | self.person.names)

    @cached_property
    def _addresses(self) -> Words:
        return Words(self.person.addresses)

    @cached_property
    def _properties(self) -> Mapping[str, Any]:
        properties: Mapping[str, Any] = self.stream.load_schema()["properties"]
        return properties

    @cached_property
    def _harmless(self) -> frozenset[str]:
        """Columns that the person's own writing is not in."""
        stream = self.stream
        of_rows = (*stream.key_properties, *stream.references, *stream.context_columns)
        # What stands for the person in it is dealt with as everywhere.
        return frozenset({*stream.plain.split(), *of_rows, "author"})
