"""Values that do not fit their column: an odd one lands beside it, a change of kind widens it.

A value is odd as long as few rows have such a one: their column is null and `UNPARSED` holds what
was sent, by field, as JSON. A column's values have changed their kind when most of those that come
together do not fit, and at least `CHANGE_ROWS` rows of the table have such a value. A moment that
no calendar has is odd however often it comes: it is a time all the same.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from intercom_assets.client.decoding import encode
from intercom_assets.warehouse.encoding import TIMESTAMPTZ, VARCHAR, Record, encode_column, fits

CHANGE_ROWS = 3
# Numbers and dates, such as -62135769600 and 0000-00-00T00:00:00Z.
_MOMENT = re.compile(r"[-+]?\d[-+\d:.,TZ ]*")


class Misfits:
    """What is known of one table's values that did not fit.

    Args:
        keys: Columns that identify a row; their own values are never set aside.
        stored: Rows that have such values already: what identifies each, and its `UNPARSED`.
    """

    def __init__(self, keys: Sequence[str], stored: Iterable[Sequence[Any]] = ()) -> None:
        self._keys = tuple(keys)
        self._rows: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for *key, unparsed in stored:
            for field, value in json.loads(unparsed).items():
                if not _is_moment(value):
                    self._rows[field].add(tuple(map(str, key)))

    def encode(
        self, field: str, values: Sequence[Any], kind: str, records: Sequence[Record]
    ) -> tuple[str, pa.Array, list[int]]:
        """Values as an Arrow array, as `encode_column` gives it, without the odd ones.

        Args:
            field: The field whose values they are.
            values: The values.
            kind: The column's type.
            records: The records that they are of.

        Returns:
            The type the column must have, the array, and the numbers of the records whose values
            are set aside.
        """
        wider, array = encode_column(values, kind)
        if wider == kind or field in self._keys:
            return wider, array, []
        odd = [n for n, value in enumerate(values) if value is not None and not fits(value, kind)]
        if self._have_changed(field, values, kind, odd, records):
            return wider, array, []
        rest = list(values)
        for number in odd:
            rest[number] = None
        return *encode_column(rest, kind), odd

    def _have_changed(
        self,
        field: str,
        values: Sequence[Any],
        kind: str,
        odd: Sequence[int],
        records: Sequence[Record],
    ) -> bool:
        strange = [n for n in odd if kind != TIMESTAMPTZ or not _is_moment(values[n])]
        for number in strange:
            key = tuple(str(records[number].get(name)) for name in self._keys)
            # More need not be known.
            if len(self._rows[field]) < CHANGE_ROWS:
                self._rows[field].add(key)
        there = sum(value is not None for value in values)
        return 2 * len(strange) > there and len(self._rows[field]) >= CHANGE_ROWS


def unparsed_texts(records: Sequence[Record], odd: dict[int, list[str]]) -> pa.Array:
    """What is set aside of each record, as JSON by field.

    Args:
        records: All records.
        odd: Fields by the number of the record.
    """
    texts = [
        encode({field: record[field] for field in sorted(odd[number])}) if number in odd else None
        for number, record in enumerate(records)
    ]
    return encode_column(texts, VARCHAR)[1]


def _is_moment(value: Any) -> bool:
    """Whether a value stands for a time, be it one that there never was."""
    if isinstance(value, str):
        return bool(_MOMENT.fullmatch(value.strip()))
    return isinstance(value, (int, float)) and not isinstance(value, bool)
