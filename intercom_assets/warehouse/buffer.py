"""What waits for the next commit, as Arrow: a tenth of the memory that decoded JSON takes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import pyarrow as pa

from intercom_assets.streams.records import Batch, Gone, Parent
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse.encoding import JSON, MEMORY, Record
from intercom_assets.warehouse.misfits import Misfits, unparsed_texts

# Small batches are encoded together: each encoding costs something, however little is in it.
ENCODE_ROWS = 1000
ENCODE_BYTES = 512 * 1024


@dataclass(frozen=True)
class Rows:
    """Records as an Arrow table, a column for each field.

    Attributes:
        table: The records.
        kinds: The type that each field's column must have, see `encoding`.
        unparsed: What did not fit of each record, as JSON by field; None if everything did.
        odd: How many values of each field that is.
    """

    table: pa.Table
    kinds: Mapping[str, str]
    unparsed: pa.Array | None = None
    odd: Mapping[str, int] = field(default_factory=dict)

    def fits(self, other: Rows) -> bool:
        """Whether both can be one table: no field has two types."""
        return all(self.kinds.get(name, kind) == kind for name, kind in other.kinds.items())


class Buffer:
    """Batches that are not stored yet.

    Args:
        kinds: The types of the columns that there are, by field.
        misfits: What is known of values that did not fit them.
        nested: Buffers of the tables for what is nested in the records, by name.

    Attributes:
        state: What holds once all of it is stored.
        fetched: Parents whose children are in it.
        gone: Records of whatever stream that are told to be gone.
        only_keys: Whether the records are keys that a sweep has met.
        refresh: The full refresh under way, if there is one.
        count: Records in it, without those that are nested.
    """

    def __init__(
        self, kinds: Mapping[str, str], misfits: Misfits, nested: Mapping[str, Buffer] | None = None
    ) -> None:
        self._kinds = dict(kinds)
        self._misfits = misfits
        self.nested = dict(nested or {})
        self.state: SyncState | None = None
        self.fetched: list[Parent] = []
        self.gone: list[Gone] = []
        self.only_keys = False
        self.refresh: int | None = None
        self.count = self._size = 0
        self._records: list[Record] = []
        self._bytes = 0
        self._rows: list[Rows] = []

    def successor(self) -> Buffer:
        """An empty buffer that knows of the types that this one has met."""
        return Buffer(
            self._kinds,
            self._misfits,
            {name: buffer.successor() for name, buffer in self.nested.items()},
        )

    def add(self, batch: Batch) -> None:
        """Adds a batch."""
        self.state = batch.state
        self.refresh = batch.state.refresh or batch.met or self.refresh
        self.only_keys = batch.met is not None
        self.fetched += batch.fetched
        self.gone += batch.gone
        self.count += len(batch.records)
        self._records += batch.records
        self._bytes += batch.size
        for name, records in batch.nested.items():
            if records:
                # What a full refresh does not meet in them stays.
                self.nested[name].add(Batch(records, replace(batch.state, refresh=None)))
        if len(self._records) >= ENCODE_ROWS or self._bytes >= ENCODE_BYTES:
            self._encode()

    @property
    def size(self) -> int:
        """About the bytes that all of it takes."""
        return self._size + sum(buffer.size for buffer in self.nested.values())

    def rows(self) -> list[Rows]:
        """All records, in order, in as few tables as their types allow."""
        self._encode()
        groups: list[list[Rows]] = []
        for rows in self._rows:
            if groups and all(other.fits(rows) for other in groups[-1]):
                groups[-1].append(rows)
            else:
                groups.append([rows])
        self._rows = [_one_of(group) for group in groups]
        return self._rows

    def _encode(self) -> None:
        if not self._records:
            return
        arrays: dict[str, pa.Array] = {}
        kinds: dict[str, str] = {}
        odd: dict[int, list[str]] = defaultdict(list)
        for name, values in _columns(self._records).items():
            kinds[name], arrays[name], numbers = self._misfits.encode(
                name, values, self._kinds.get(name, JSON), self._records
            )
            for number in numbers:
                odd[number].append(name)
        self._kinds |= kinds
        rows = Rows(
            pa.table(arrays),
            kinds,
            unparsed_texts(self._records, odd) if odd else None,
            Counter(name for names in odd.values() for name in names),
        )
        self._rows.append(rows)
        self._size += rows.table.nbytes
        self._records, self._bytes = [], 0


def _columns(records: Sequence[Record]) -> dict[str, Sequence[Any]]:
    """Each field's values, None where a record lacks it."""
    # Nearly all records have the same fields in the same order, or one of a few such orders.
    usual = tuple(records[0])
    orders: dict[tuple[str, ...], Callable[[tuple[Any, ...]], tuple[Any, ...]]] = {usual: tuple}
    rows: list[tuple[Any, ...]] = []
    for record in records:
        fields = tuple(record)
        if (in_usual := orders.get(fields)) is None:
            in_usual = orders[fields] = _in_order(fields, usual)
        rows.append(in_usual((*record.values(), None)))
    # Without the last column, of what is behind the values.
    columns: dict[str, Sequence[Any]] = dict(zip(usual, zip(*rows, strict=True), strict=False))
    for name in (name for fields in orders for name in fields):
        if name not in columns:
            columns[name] = [record.get(name) for record in records]
    return columns


def _in_order(
    fields: Sequence[str], wanted: Sequence[str]
) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Puts values of fields, and the None behind them, in another order of fields."""
    places = {name: place for place, name in enumerate(fields)}
    # With something behind them again: of one place alone `itemgetter` would make no tuple.
    return itemgetter(*(places.get(name, -1) for name in wanted), slice(0))


def _one_of(group: Sequence[Rows]) -> Rows:
    kinds = {name: kind for rows in group for name, kind in rows.kinds.items()}
    tables = [rows.table for rows in group]
    table = pa.concat_tables(tables, MEMORY, promote_options="default")
    odd = sum((Counter(rows.odd) for rows in group), Counter())
    if not odd:
        return Rows(table, kinds)
    texts = [
        pa.nulls(rows.table.num_rows, pa.string(), MEMORY)
        if rows.unparsed is None
        else rows.unparsed
        for rows in group
    ]
    return Rows(table, kinds, pa.concat_arrays(texts, MEMORY), odd)
