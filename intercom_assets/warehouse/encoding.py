"""Records as Arrow arrays of the types that a DuckDB table's columns have.

Where a value does not fit its column without loss, the column is widened: to VARCHAR for a scalar,
to JSON for an object or a list.

The arrays are made of builders and buffers, because `pyarrow.array` imports pandas to see whether a
list is perhaps a Series: a quarter of a second and 33 MB in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from intercom_assets.client.decoding import encode, encode_lines

Record = Mapping[str, Any]

VARCHAR, BIGINT, DOUBLE, BOOLEAN = "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN"
TIMESTAMPTZ, JSON = "TIMESTAMP WITH TIME ZONE", "JSON"

_BY_JSON_TYPE = {"string": VARCHAR, "integer": BIGINT, "number": DOUBLE, "boolean": BOOLEAN}
_UTC = pa.timestamp("us", tz="UTC")
# Arrow's own allocator keeps what it is given back: 45 MB in a run that lands contacts.
MEMORY = pa.system_memory_pool()


def column_type(kind: Mapping[str, Any]) -> str:
    """The column type of a property in a JSON schema; what is not a plain scalar is JSON."""
    if kind.get("format") == "date-time":
        return TIMESTAMPTZ
    types = [name for name in kind["type"] if name != "null"]
    return _BY_JSON_TYPE.get(types[0], JSON) if len(types) == 1 else JSON


def encode_column(values: Sequence[Any], kind: str) -> tuple[str, pa.Array]:
    """Values as an Arrow array.

    Args:
        values: What the records hold, None where one holds nothing.
        kind: The column's type.

    Returns:
        The type the column must have, wider than the given one if need be, and the array.
    """
    try:
        return kind, _ENCODERS[kind](values)
    except (TypeError, ValueError, OverflowError):  # Arrow's own errors are some of these
        wider = _wider(values)
        return wider, _ENCODERS[wider](values)


def encode_table(**columns: tuple[str, Sequence[Any]]) -> pa.Table:
    """A table of columns, each given by its type and its values, which fit it."""
    return pa.table({name: encode_column(vs, kind)[1] for name, (kind, vs) in columns.items()})


def fits(value: Any, kind: str) -> bool:
    """Whether a value fits a column of a type without loss."""
    return encode_column([value], kind)[0] == kind


def _wider(values: Sequence[Any]) -> str:
    return JSON if types_of(values) & {dict, list} else VARCHAR


def types_of(values: Sequence[Any]) -> set[type]:
    """The types of the values that are there."""
    return set(map(type, values)) - {type(None)}


def _texts(values: Sequence[str | None]) -> pa.Array:
    builder = pa.lib.StringBuilder(MEMORY)
    builder.append_values(values)
    return builder.finish()


def _strings(values: Sequence[Any]) -> pa.Array:
    types = types_of(values)
    if types & {dict, list}:
        raise TypeError("an object is no text")
    return _texts(values if types <= {str} else [_text(value) for value in values])


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else encode(value)


def _integers(values: Sequence[Any]) -> pa.Array:
    if not types_of(values) <= {int, float}:
        raise TypeError("not a number")
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        raise ValueError("a fraction is no integer")
    return _fixed(values, pa.int64(), lambda known: np.array(known, np.int64))


def _doubles(values: Sequence[Any]) -> pa.Array:
    if not types_of(values) <= {int, float}:
        raise TypeError("not a number")
    if any(isinstance(value, int) and abs(value) > 2**53 for value in values):
        raise ValueError("an integer that would lose digits")
    return _fixed(values, pa.float64(), lambda known: np.array(known, np.float64))


def _booleans(values: Sequence[Any]) -> pa.Array:
    if not types_of(values) <= {bool}:
        raise TypeError("not a boolean")
    return _fixed(values, pa.bool_(), _bits)


def _fixed(
    values: Sequence[Any], kind: pa.DataType, pack: Callable[[list[Any]], np.ndarray]
) -> pa.Array:
    """Values of one width: a bit for each that is there, and what they are, 0 for the others."""
    there = _bits([value is not None for value in values])
    data = pack([0 if value is None else value for value in values])
    return pa.Array.from_buffers(kind, len(values), [pa.py_buffer(there), pa.py_buffer(data)])


def _bits(flags: list[Any]) -> np.ndarray:
    return np.packbits(np.array(flags, bool), bitorder="little")


def _times(values: Sequence[Any]) -> pa.Array:
    if not types_of(values) <= {str}:
        raise TypeError("not a time")
    return _texts(values).cast(_UTC, memory_pool=MEMORY)


def _json(values: Sequence[Any]) -> pa.Array:
    lines, count = encode_lines(values), len(values)
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n"))
    # Each text is in one buffer after the other, without the line feeds: a null's "null" stays in
    # it, and nobody looks there.
    offsets = np.zeros(count + 1, np.int32)
    offsets[1:] = ends - np.arange(count)
    there = _bits([value is not None for value in values])
    parts = (there, offsets, lines.replace(b"\n", b""))
    return pa.Array.from_buffers(pa.string(), count, [pa.py_buffer(part) for part in parts])


_ENCODERS: dict[str, Callable[[Sequence[Any]], pa.Array]] = {
    VARCHAR: _strings,
    BIGINT: _integers,
    DOUBLE: _doubles,
    BOOLEAN: _booleans,
    TIMESTAMPTZ: _times,
    JSON: _json,
}
KNOWN_TYPES = frozenset(_ENCODERS)
