"""Values of fields: functions of a record's place among its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from random import Random
from typing import Any, Protocol

from intercom_assets.sandbox import words
from intercom_assets.sandbox.plan import Plan, Record


class Others(Protocol):
    """What a record may refer to."""

    def records(self, collection: str) -> Sequence[Record]:
        """The records of another collection."""


@dataclass(frozen=True)
class Slot:
    """The place that a record is made for.

    Attributes:
        n: Which one of its kind it is, from 0.
        at: When it last changes, epoch seconds.
        created_at: When it is made.
        rng: Chance.
        plan: The workspace's plan.
        others: The other collections.
        parent: The record that it belongs to, of a child.
    """

    n: int
    at: int
    created_at: int
    rng: Random
    plan: Plan
    others: Others
    parent: Record | None = None


Value = Callable[[Slot], Any]


def created(slot: Slot) -> int:
    """When the record is made, epoch seconds."""
    return slot.created_at


def updated(slot: Slot) -> int:
    """When it last changes, epoch seconds."""
    return slot.at


def created_iso(slot: Slot) -> str:
    """When the record is made, as text."""
    return iso(slot.created_at)


def updated_iso(slot: Slot) -> str:
    """When it last changes, as text."""
    return iso(slot.at)


def iso(moment: int) -> str:
    """A time as some routes write it, with milliseconds."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def serial(first: int) -> Value:
    """Ids that count up, as text."""
    return lambda slot: str(first + slot.n)


def number(first: int) -> Value:
    """Ids that count up, as numbers."""
    return lambda slot: first + slot.n


def hex_id(noun: str) -> Value:
    """Ids of 24 hexadecimal digits, in no order."""
    return lambda slot: slot.plan.hex_id(noun, slot.n)


def cycle(*values: Any) -> Value:
    """One value after the other, and again."""
    return lambda slot: values[slot.n % len(values)]


def numbered(text: str) -> Value:
    """A text with the record's number, from 1, for ``{}``."""
    return lambda slot: text.format(slot.n + 1)


def body(slot: Slot) -> str:
    """What somebody wrote, as HTML."""
    return f"{words.BODIES[slot.n % len(words.BODIES)]}<p>№ {slot.n}</p>"


def some(collection: str, field: str = "id") -> Value:
    """A field of a record of another collection; None if there is none."""

    def value(slot: Slot) -> Any:
        records = slot.others.records(collection)
        return slot.rng.choice(records)[field] if records else None

    return value


def of_parent(field: str) -> Value:
    """A field of the record's parent."""
    return lambda slot: (slot.parent or {}).get(field)


def listed(value: Value, most: int) -> Value:
    """None to so many of a value."""
    return lambda slot: [value(slot) for _ in range(slot.n % (most + 1))]


def as_number(value: Value) -> Value:
    """A value that is digits, as a number."""

    def number_of(slot: Slot) -> int | None:
        text = value(slot)
        return None if text is None else int(text)

    return number_of


def workspace_id(slot: Slot) -> str:
    """The workspace's id."""
    return slot.plan.id_code
