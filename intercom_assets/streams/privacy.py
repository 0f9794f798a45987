"""Personal data that is not wanted in the warehouse: fields to drop, and fields to hash.

A pure transform of the records between a stream and whoever stores them, so that what is not wanted
reaches no table, no state, no preview and no metadata.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from intercom_assets.client.errors import ConfigError
from intercom_assets.streams import STREAMS, BaseStream, Batch
from intercom_assets.streams.transform import Record, list_in

Fields = Mapping[str, Sequence[str]]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Privacy:
    """Which fields are left out of each stream, and which are replaced by a hash.

    A field is a column, or a path into one such as ``source.author.email``. A path goes through
    lists: ``notes.body`` is the body of every note.

    Args:
        drop: Fields to leave out, by stream.
        hash: Fields to replace by an HMAC-SHA256 of their value, by stream; equal values stay
            equal.
        salt: The key of the hashes. Without it guessing an email is enough to find its hash.
        drop_bodies: Whether to leave out all that people wrote: the streams' `bodies`.

    Raises:
        ConfigError: For a stream that is not there, a field that rows are identified or
            synchronised by, a likely misspelling, or hashes without a salt.
    """

    drop: Fields = field(default_factory=dict)
    hash: Fields = field(default_factory=dict)
    salt: str = field(default="", repr=False)
    drop_bodies: bool = False

    def __post_init__(self) -> None:
        for option, fields in (("drop", self.drop), ("hash", self.hash)):
            for stream, names in fields.items():
                for name in names:
                    _check(option, stream, name)
        if any(self.hash.values()) and not self.salt:
            raise ConfigError(
                "fields are to be hashed, and there is no salt: set INTERCOM_HASH_SALT, or "
                "hash_salt to an EnvVar, to a long random text that stays the same"
            )

    def of(self, stream: type[BaseStream]) -> Redaction:
        """What is left out of one stream."""
        name = stream.tap_stream_id
        bodies = stream.bodies if self.drop_bodies else ()
        dropped = dict.fromkeys([*self.drop.get(name, ()), *bodies])
        return Redaction(tuple(dropped), tuple(dict.fromkeys(self.hash.get(name, ()))), self.salt)


@dataclass(frozen=True)
class Redaction:
    """What is left out of one stream's records.

    Attributes:
        dropped: Fields that are left out.
        hashed: Fields that are replaced by a hash.
    """

    dropped: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    salt: str = field(default="", repr=False)

    def batch(self, batch: Batch) -> Batch:
        """The batch as it may be stored; the given one is left alone."""
        if not self._steps:
            return batch
        return replace(batch, records=self.records(batch.records))

    def records(self, records: list[Record]) -> list[Record]:
        """Records in regular form as they may be stored."""
        return [self.record(record) for record in records] if self._steps else records

    def record(self, record: Mapping[str, Any]) -> Record:
        """A record in regular form as it may be stored; the given one is left alone."""
        kept = dict(record)
        for path, change in self._steps:
            kept = changed_at(kept, path, change)
        return kept

    def schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON schema of such records."""
        properties = {
            name: {"type": ["null", "string"], "description": kind.get("description", "")}
            if name in self.hashed
            else kind
            for name, kind in schema["properties"].items()
            if name not in self.dropped
        }
        return {**schema, "properties": properties}

    @cached_property
    def _steps(self) -> list[tuple[Path, Callable[[Any], Any] | None]]:
        steps: list[tuple[Path, Callable[[Any], Any] | None]] = [
            (tuple(name.split(".")), self._digest) for name in self.hashed
        ]
        # A field that is named in both lists is dropped.
        return steps + [(tuple(name.split(".")), None) for name in self.dropped]

    def _digest(self, value: Any) -> str | None:
        if value is None:
            return None
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        text_bytes = text.encode("utf-8", "surrogatepass")
        return hmac.new(self.salt.encode(), text_bytes, hashlib.sha256).hexdigest()


def changed_at(value: Any, path: Path, change: Callable[[Any], Any] | None) -> Any:
    """A copy of a value in which the field at the path is changed, or gone.

    Args:
        value: The value, which is left alone.
        path: Names of fields, each in the one before; it goes through lists.
        change: Gives the field's new value; None leaves the field out.
    """
    if isinstance(value, list):
        return [changed_at(item, path, change) for item in value]
    if not isinstance(value, dict):
        return value
    name, *rest = path
    if name not in value:
        # A list that could not be taken out of its envelope.
        return _in_envelope(value, path, change)
    if rest:
        return {**value, name: changed_at(value[name], tuple(rest), change)}
    if change is None:
        return {key: item for key, item in value.items() if key != name}
    return {**value, name: change(value[name])}


def _in_envelope(
    value: dict[str, Any], path: Path, change: Callable[[Any], Any] | None
) -> dict[str, Any]:
    key, items = list_in(value)
    return {**value, key: changed_at(items, path, change)} if key else value


def _check(option: str, stream: str, name: str) -> None:
    if stream not in STREAMS:
        raise ConfigError(f"{option}: no stream {stream!r}; there are {', '.join(STREAMS)}")
    column = name.split(".")[0]
    if column in _needed(STREAMS[stream]):
        raise ConfigError(
            f"{option}: {stream}.{column} identifies the rows or tells what changed, and so has to "
            "stay as it is"
        )
    known = STREAMS[stream].load_schema()["properties"]
    # A field that Intercom may add tomorrow can be named; a slip of the pen must not let data in.
    if column not in known and (near := get_close_matches(column, known, n=1, cutoff=0.75)):
        raise ConfigError(f"{option}: {stream} has no field {column!r}; did you mean {near[0]!r}?")
    if not all(name.split(".")):
        raise ConfigError(f"{option}: {name!r} is no field: write e.g. source.author.email")


def _needed(stream: type[BaseStream]) -> set[str]:
    columns: Iterable[str | None] = (
        *stream.key_properties,
        *stream.unique_by,
        stream.replication_key,
        *stream.references,
    )
    return {column for column in columns if column}
