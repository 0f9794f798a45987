"""The Singer catalog: what the tap offers, and what of it a user's catalog selects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from intercom_assets.client.errors import ConfigError
from intercom_assets.singer.messages import breadcrumbs
from intercom_assets.streams import STREAMS, BaseStream, selection


@dataclass(frozen=True)
class Selected:
    """A stream that is to be synced.

    Attributes:
        stream: The stream's class.
        schema: Its JSON schema, as the catalog has it.
        metadata: The catalog's metadata by breadcrumb.
    """

    stream: type[BaseStream]
    schema: dict[str, Any]
    metadata: dict[Any, Any]


def discover() -> dict[str, Any]:
    """The catalog of all streams; unless somebody says otherwise `selection.choose` selects."""
    default = set(selection.choose())
    return {"streams": [_entry(stream, name in default) for name, stream in STREAMS.items()]}


def select(catalog: Mapping[str, Any] | None) -> list[Selected]:
    """The streams that a catalog selects, in the catalog's order; without a catalog the default.

    Raises:
        ConfigError: When the catalog is none, or names a stream that there is not.
    """
    entries = (discover() if catalog is None else catalog).get("streams")
    if not isinstance(entries, list):
        raise ConfigError("the catalog has no list of streams: make one with --discover")
    return [_selected(entry) for entry in entries if _is_selected(entry)]


def _entry(stream: type[BaseStream], is_default: bool) -> dict[str, Any]:
    schema = stream.load_schema()
    facts: dict[str, Any] = {
        "inclusion": "available",
        "selected-by-default": is_default,
        "table-key-properties": stream.unique_key(),
        "forced-replication-method": stream.replication_method,
        "valid-replication-keys": stream.valid_replication_keys,
    }
    if stream.parent:
        facts["parent-tap-stream-id"] = stream.parent.tap_stream_id
    automatic = {*stream.unique_key(), *stream.valid_replication_keys}
    fields = [
        {
            "breadcrumb": ["properties", name],
            "metadata": {"inclusion": "automatic" if name in automatic else "available"},
        }
        for name in schema["properties"]
    ]
    entry = {
        "tap_stream_id": stream.tap_stream_id,
        "stream": stream.tap_stream_id,
        "key_properties": stream.unique_key(),
        "replication_method": stream.replication_method,
        "schema": schema,
        "metadata": [{"breadcrumb": [], "metadata": facts}, *fields],
    }
    return {**entry, "replication_key": stream.replication_key} if stream.replication_key else entry


def _is_selected(entry: Any) -> bool:
    """Whether an entry says so: in its metadata, or in the way of older catalogs in itself."""
    if not isinstance(entry, Mapping):
        raise ConfigError("the catalog's streams must be objects: make one with --discover")
    root = breadcrumbs(entry.get("metadata")).get((), {})
    schema = entry.get("schema")
    for place in (root, entry, schema if isinstance(schema, Mapping) else {}):
        if "selected" in place:
            return bool(place["selected"])
    return bool(root.get("selected-by-default"))


def _selected(entry: Mapping[str, Any]) -> Selected:
    name = entry.get("tap_stream_id") or entry.get("stream")
    if name not in STREAMS:
        raise ConfigError(
            f"the catalog selects {name!r}, a stream that there is not: known are "
            f"{', '.join(STREAMS)}"
        )
    schema = entry.get("schema") or {}
    if not isinstance(schema.get("properties"), Mapping):
        schema = STREAMS[name].load_schema()
    return Selected(STREAMS[name], dict(schema), breadcrumbs(entry.get("metadata")))
