"""The schema that a stream has announced to a Singer target, and how it grows with the records."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from intercom_assets.streams.timestamps import parse_time

_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),  # before int, of which it is a kind
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (dict, "object"),
    (list, "array"),
)


class AnnouncedSchema:
    """A JSON schema that is widened to hold whatever the records hold, so that no field is lost.

    Args:
        schema: The catalog's JSON schema; it is not changed.
        selected: The fields of it that are wanted; fields that the schema does not know always are.
    """

    def __init__(self, schema: Mapping[str, Any], selected: Iterable[str]) -> None:
        self._known = set(schema.get("properties", {}))
        wanted = set(selected)
        self.schema: dict[str, Any] = {"type": "object", **copy.deepcopy(dict(schema))}
        self.schema["properties"] = {
            name: _simplest(kind)
            for name, kind in self.schema.get("properties", {}).items()
            if name in wanted
        }
        self._dropped = self._known - wanted
        self._fitting = {
            name: frozenset(_types(kind)) for name, kind in self.schema["properties"].items()
        }

    def select(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record without the fields that are not wanted."""
        if not self._dropped:
            return dict(record)
        return {name: value for name, value in record.items() if name not in self._dropped}

    def widen(self, record: Mapping[str, Any]) -> bool:
        """Makes the schema hold a record; tells whether it had to change."""
        changed = False
        for name, value in record.items():
            kind = _type_of(value)
            fitting = self._fitting.get(name)
            if fitting is not None and kind in fitting:
                if kind != "string" or self._is_fine(name, value):
                    continue
                self.schema["properties"][name].pop("format")
            else:
                self._add(name, kind)
            changed = True
        return changed

    def _is_fine(self, name: str, value: str) -> bool:
        is_time = self.schema["properties"][name].get("format") == "date-time"
        # What is in regular form ends so; nothing else of our own does.
        return not is_time or (value[-1:] == "Z" and parse_time(value) is not None)

    def _add(self, name: str, kind: str) -> None:
        known = self.schema["properties"].get(name, {"type": ["null"]})
        types = [*_types(known), *([kind] if kind not in _types(known) else [])]
        if kind == "number":
            types = [name for name in types if name != "integer"]
        known = {key: value for key, value in known.items() if key != "format" or len(types) < 3}
        self.schema["properties"][name] = {**known, "type": types}
        self._fitting[name] = frozenset((*types, "integer") if "number" in types else types)


def _simplest(kind: dict[str, Any]) -> dict[str, Any]:
    """A schema that says text or object begins as text, and becomes both once an object is met.

    Targets take such a column for JSON, and some then refuse plain text in it.
    """
    types = _types(kind)
    if "string" in types and ("object" in types or "array" in types):
        return {**kind, "type": ["null", "string"]}
    return kind


def _types(kind: Mapping[str, Any]) -> list[str]:
    types = kind.get("type") or [name for _, name in _TYPES]
    types = [types] if isinstance(types, str) else list(types)
    return types if "null" in types else ["null", *types]


def _type_of(value: Any) -> str:
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "null")
