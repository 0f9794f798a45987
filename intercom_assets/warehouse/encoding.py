"""Records as an Arrow table of the types that a DuckDB table's columns have.

Arrow's own checks tell whether a value fits its column without loss; where one does not, the column
is widened: to VARCHAR for a scalar, to JSON for an object or a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from intercom_assets.decoding import encode, encode_each

Record = Mapping[str, Any]

VARCHAR, BIGINT, DOUBLE, BOOLEAN = "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN"
TIMESTAMPTZ, JSON = "TIMESTAMP WITH TIME ZONE", "JSON"

_BY_JSON_TYPE = {"string": VARCHAR, "integer": BIGINT, "number": DOUBLE, "boolean": BOOLEAN}
_UTC = pa.timestamp("us", tz="UTC")


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
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError):
        wider = _wider(values)
        return wider, _ENCODERS[wider](values)


def _wider(values: Sequence[Any]) -> str:
    return JSON if any(isinstance(value, (dict, list)) for value in values) else VARCHAR


def _strings(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        if any(isinstance(value, (dict, list)) for value in values):
            raise
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else encode(value)


def _integers(values: Sequence[Any]) -> pa.Array:
    # Arrow would cut 1.5 to 1.
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        raise ValueError("a fraction is no integer")
    return pa.array(values, pa.int64())


def _doubles(values: Sequence[Any]) -> pa.Array:
    # Arrow would take true for 1.0.
    if any(isinstance(value, bool) for value in values):
        raise ValueError("a boolean is no number")
    return pa.array(values, pa.float64())


def _booleans(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.bool_())


def _times(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.string()).cast(_UTC)


def _json(values: Sequence[Any]) -> pa.Array:
    return pa.array(encode_each(values), pa.string())


_ENCODERS: dict[str, Callable[[Sequence[Any]], pa.Array]] = {
    VARCHAR: _strings,
    BIGINT: _integers,
    DOUBLE: _doubles,
    BOOLEAN: _booleans,
    TIMESTAMPTZ: _times,
    JSON: _json,
}
KNOWN_TYPES = frozenset(_ENCODERS)
