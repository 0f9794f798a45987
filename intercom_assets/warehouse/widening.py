"""Wider types for columns, and what their values are then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from intercom_assets.warehouse.encoding import JSON, TIMESTAMPTZ, VARCHAR
from intercom_assets.warehouse.names import UNPARSED, quote


@dataclass(frozen=True)
class Recast:
    """Another type for a column.

    Attributes:
        kind: The type.
        value: SQL of its values, in terms of the old columns.
    """

    kind: str
    value: str


def common_type(one: str, other: str) -> str:
    """The type that holds what either of two types holds."""
    if one == other:
        return one
    return JSON if JSON in (one, other) else VARCHAR


def cast_of(column: str, old: str, new: str) -> str:
    """A column's values in a wider type, as SQL."""
    text = quote(column)
    if old == TIMESTAMPTZ:
        # The way in which the other times in such a column will be written.
        text = f"replace(strftime({text}, '%Y-%m-%dT%H:%M:%S.%fZ'), '.000000Z', 'Z')"
    return f"to_json({text})" if new == JSON else f"{text}::varchar"


def with_unparsed(recasts: Mapping[str, Recast], fields: Iterable[str]) -> dict[str, Recast]:
    """Recasts that fetch what did not fit before, and does now, from beside the columns."""
    rest, found = quote(UNPARSED), {}
    for (column, recast), name in zip(recasts.items(), fields, strict=True):
        key = "'" + name.replace("'", "''") + "'"
        value = f"json_extract{'' if recast.kind == JSON else '_string'}({quote(UNPARSED)}, {key})"
        found[column] = Recast(recast.kind, f"coalesce({recast.value}, {value})")
        rest = f"json_merge_patch({rest}, json_object({key}, null))"
    rest = f"case when {quote(UNPARSED)} is not null then nullif({rest}::varchar, '{{}}')::json end"
    return found | {UNPARSED: Recast(JSON, rest)}
