"""Makes a record of Intercom's regular: times, ids and list envelopes, as its schema declares them.

Only the top level of a record is touched. What a field holds against its declaration stays as it
came: whoever stores it decides, nothing is dropped here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from intercom_assets.streams.timestamps import to_iso

Record = dict[str, Any]

_ENVELOPE_KEYS = frozenset({"type", "total_count", "has_more", "url", "pages"})
# Since API 2.16 an unassigned conversation says 0, before it said null, and strings occur.
_ASSIGNEES = frozenset({"admin_assignee_id", "team_assignee_id"})
_NOBODY = (None, 0, "", "0")


class RecordTransformer:
    """Transforms the records of one stream.

    Args:
        schema: The stream's JSON schema.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
        self._times = [name for name, kind in properties.items() if is_time(kind)]
        self._lists = [name for name, kind in properties.items() if "array" in kind["type"]]
        self._ids = [
            name
            for name, kind in properties.items()
            if "string" in kind["type"] and (name == "id" or name.endswith("_id"))
        ]

    def __call__(self, record: Mapping[str, Any]) -> Record:
        """The regular form of a record; the given one is left alone."""
        regular = dict(record)
        for name in self._times:
            value = regular.get(name)
            if value is not None:
                regular[name] = None if value == "" else to_iso(value) or value
        for name in self._ids:
            value = regular.get(name)
            if name in _ASSIGNEES and value in _NOBODY:
                if name in regular:
                    regular[name] = None
            elif type(value) is int:
                regular[name] = str(value)
        for name in self._lists:
            if isinstance(regular.get(name), dict):
                regular[name] = unwrap(regular[name])
        return regular


def is_time(kind: Mapping[str, Any]) -> bool:
    """Whether a property's schema declares a point in time."""
    return kind.get("format") == "date-time"


def unwrap(value: Mapping[str, Any]) -> Any:
    """The list inside an envelope such as ``{"type": "tag.list", "tags": [...]}``.

    An object that holds anything else, or a list that Intercom cut off, stays as it is.
    """
    key, items = list_in(value)
    return items if key and not _is_cut(value, items) else value


def list_in(value: Any) -> tuple[str, list[Any]]:
    """The key and the list of an envelope; "" and an empty list if it is none."""
    if not isinstance(value, dict):
        return "", []
    # Ten times a contact: a list of the keys, or their difference, would take twice as long.
    found = ""
    for key in value:
        if key not in _ENVELOPE_KEYS:
            if found:
                return "", []
            found = key
    items = value.get(found)
    return (found, items) if isinstance(items, list) else ("", [])


def is_cut(value: Any) -> bool:
    """Whether Intercom shows only the first items of a list."""
    if not isinstance(value, dict):
        return False
    key, items = list_in(value)
    return bool(key) and _is_cut(value, items)


def _is_cut(value: Mapping[str, Any], items: list[Any]) -> bool:
    if value.get("has_more") or told_total(value) > len(items):
        return True
    pages = value.get("pages")
    return isinstance(pages, dict) and bool(pages.get("next"))


def told_total(value: Mapping[str, Any]) -> int:
    """How many items an envelope says there are; 0 where it does not."""
    total = value.get("total_count")
    return total if type(total) is int else 0


def digest(value: Any) -> str:
    """A key for a record that has none: equal content has an equal one."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
