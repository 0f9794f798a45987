"""Sorted views of a collection and its records as JSON bytes, mended as records change."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

import orjson

from intercom_assets.sandbox.attached import optional_fields
from intercom_assets.sandbox.calls import encode
from intercom_assets.sandbox.tables import Tables

Record = Mapping[str, Any]
# Comparable within one field: milliseconds, a number or a string.
SortValue = float | int | str
Entry = tuple[SortValue, str]

# Below every time there is; a cursor states it as -1.
NULL = -math.inf
# Sorting anew is cheaper than mending once so large a part of the collection has changed.
REBUILD_SHARE = 0.05


class Order:
    """The ids of a collection sorted by (value, id)."""

    def __init__(self, value_of: Callable[[Record], SortValue], records: Mapping[str, Any]) -> None:
        self.value_of = value_of
        self.entries: list[Entry] = []
        self._values: dict[str, SortValue] = {}
        self._rebuild(records)

    def mend(self, ids: set[str], records: Mapping[str, Any]) -> None:
        """Puts changed records where they belong now."""
        if len(ids) > len(self.entries) * REBUILD_SHARE:
            self._rebuild(records)
            return
        for id in ids:
            self._remove(id)
            if id in records:
                self._values[id] = self.value_of(records[id])
                insort(self.entries, (self._values[id], id))

    def _rebuild(self, records: Mapping[str, Any]) -> None:
        self._values = {id: self.value_of(record) for id, record in records.items()}
        self.entries = sorted((value, id) for id, value in self._values.items())

    def _remove(self, id: str) -> None:
        if id in self._values:
            del self.entries[bisect_left(self.entries, (self._values.pop(id), id))]


class Index:
    """Orders and serialized records of one collection of a workspace.

    Its methods must be called with the workspace's lock held; `changed` may be called anyhow.

    Args:
        workspace: The tables.
        collection: One of them.
        shown: What a list shows of a record, if that is not the record itself.
    """

    def __init__(
        self,
        workspace: Tables,
        collection: str,
        shown: Callable[[Record], Record] = lambda record: record,
    ) -> None:
        self.workspace = workspace
        self.collection = collection
        self.shown = shown
        self._orders: dict[str, Order] = {}
        self._bytes: dict[str, bytes] = {}
        # A deque, because listeners run in the threads that change records.
        self._dirty: deque[str] = deque()

    def reset(self) -> None:
        """Forgets all, as if every record had changed."""
        for forgotten in (self._orders, self._bytes, self._dirty):
            forgotten.clear()

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """The records themselves, by id."""
        plain, name = self.workspace.plain, self.collection
        records: dict[str, dict[str, Any]] = (
            plain[name] if name in plain else getattr(self.workspace, name)
        )
        return records

    def changed(self, id: str) -> None:
        """Notes that a record was created, changed or removed."""
        self._dirty.append(id)

    def entries(self, name: str, value_of: Callable[[Record], SortValue]) -> list[Entry]:
        """The order called `name`, up to date; it must not be modified."""
        self._mend()
        order = self._orders.get(name)
        if order is None:
            order = self._orders[name] = Order(value_of, self.records)
        return order.entries

    def fragments(self, ids: Iterable[str], kinds: Sequence[str] = ()) -> list[orjson.Fragment]:
        """Records as JSON, ready to stand in an answer, with what hangs on them."""
        self._mend()
        if not kinds:
            return [orjson.Fragment(self._encoded(id)) for id in ids]
        return [orjson.Fragment(self._extended(id, kinds)) for id in ids]

    def _extended(self, id: str, kinds: Sequence[str]) -> bytes:
        more = optional_fields(self.workspace, self.records[id], kinds)
        # Spliced, for the record itself is there as JSON already.
        return self._encoded(id)[:-1] + b"," + encode(more)[1:] if more else self._encoded(id)

    def _encoded(self, id: str) -> bytes:
        encoded = self._bytes.get(id)
        if encoded is None:
            # Copied, since orjson's own buffer keeps the room it grew by.
            encoded = self._bytes[id] = bytes(memoryview(encode(self.shown(self.records[id]))))
        return encoded

    def _mend(self) -> None:
        if not self._dirty:
            return
        ids = {self._dirty.popleft() for _ in range(len(self._dirty))}
        for id in ids:
            self._bytes.pop(id, None)
        for order in self._orders.values():
            order.mend(ids, self.records)


def scrambled(record: Record) -> SortValue:
    """A place that has nothing to do with time: the order of lists nobody asked to sort."""
    return crc32(str(record["id"]).encode())


def milliseconds(read: Callable[[Record], Any]) -> Callable[[Record], SortValue]:
    """Turns a reader of a time in seconds into one in milliseconds."""

    def value_of(record: Record) -> SortValue:
        value = read(record)
        return value * 1000 if isinstance(value, int | float) else NULL

    return value_of
