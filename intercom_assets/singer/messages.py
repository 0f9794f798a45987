"""A stream as Singer messages on stdout: its schema, its records, a state at each checkpoint."""

from __future__ import annotations

import copy
import json
import logging
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from intercom_assets.client.errors import ConfigError
from intercom_assets.singer.schema import AnnouncedSchema
from intercom_assets.singer.state import plain, read_state, with_bookmark
from intercom_assets.streams.base import FULL_TABLE, BaseStream
from intercom_assets.streams.records import Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.transform import Record

logger = logging.getLogger(__name__)


def write_stream(
    stream: BaseStream,
    state: Mapping[str, Any],
    schema: Mapping[str, Any],
    stream_metadata: Any,
    config: Mapping[str, Any],
    transformer: Any = None,
    nested: Sequence[Messages] = (),
) -> dict[str, Any]:
    """Writes one stream's messages; see `BaseStream.sync`.

    Without a transformer records go out in the regular form that they have. Streams that are nested
    in this one's records go out with it, from the same read and under the same state.
    """
    run, state = _run(stream, config), plain(state)
    begun = read_state(state, stream, run.since)
    if any(read_state(state, inner.stream, run.since) != begun for inner in nested):
        # The target lacks some of what is nested in records that it has.
        begun = SyncState(since=run.since)
    since = begun.gaps(2**40, run.lookback)[0][0]
    written = [Messages(stream, schema, breadcrumbs(stream_metadata), transformer), *nested]
    told = dict(state)
    for batch in stream.batches(begun, run):
        for messages in written:
            of = messages.stream
            records = batch.records if of is stream else batch.nested.get(of.tap_stream_id, ())
            messages.records(record for record in records if of.is_wanted(record, since))
        reached = told
        for messages in written:
            reached = with_bookmark(reached, messages.stream, batch.state)
        if reached != told:
            told = reached
            write_message({"type": "STATE", "value": told})
    for messages in written:
        messages.end()
    write_message({"type": "STATE", "value": told})
    return told


class Messages:
    """The SCHEMA, RECORD and ACTIVATE_VERSION messages of one stream.

    Args:
        stream: The stream.
        schema: The catalog's JSON schema.
        metadata: The catalog's metadata by breadcrumb.
        transformer: A `singer.Transformer`, or None.
    """

    def __init__(
        self,
        stream: BaseStream,
        schema: Mapping[str, Any],
        metadata: Mapping[Any, Any],
        transformer: Any = None,
    ) -> None:
        self.stream = stream
        self._metadata = metadata
        self._transformer = transformer
        self._announced = AnnouncedSchema(schema, selected_fields(stream, schema, metadata))
        # Singer's transform reorders the types in the schema that it is given.
        self._own_schema = copy.deepcopy(dict(schema))
        full_table = stream.replication_method == FULL_TABLE
        self._version = int(time.time() * 1000) if full_table else None
        self.count = 0
        self._write_schema()

    def records(self, records: Iterable[Record]) -> None:
        """Writes records, and before one that does not fit the schema a wider schema."""
        extracted = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        common: dict[str, Any] = {"type": "RECORD", "stream": self.stream.tap_stream_id}
        if self._version is not None:
            common["version"] = self._version
        lines: list[str] = []
        for record in records:
            value = self._announced.select(self._transformed(record))
            if self._announced.widen(value):
                _write(lines)
                lines = []
                self._write_schema()
            lines.append(_line({**common, "record": value, "time_extracted": extracted}))
            self.count += 1
        _write(lines)

    def end(self) -> None:
        """Has the target drop the records of earlier versions, if the stream has versions."""
        if self._version is None:
            return
        if not self.count:
            logger.warning(
                "%s: Intercom answered with none at all, so what the target has stays",
                self.stream.tap_stream_id,
            )
            return
        write_message(
            {
                "type": "ACTIVATE_VERSION",
                "stream": self.stream.tap_stream_id,
                "version": self._version,
            }
        )

    def _write_schema(self) -> None:
        key = self.stream.replication_key
        message: dict[str, Any] = {
            "type": "SCHEMA",
            "stream": self.stream.tap_stream_id,
            "schema": self._announced.schema,
            "key_properties": self.stream.unique_key(),
        }
        write_message({**message, "bookmark_properties": [key]} if key else message)

    def _transformed(self, record: Record) -> Record:
        """What the transformer makes of a record; what it would drop or refuse stays as it is."""
        if self._transformer is None:
            return record
        # Whoever made a transformer has the package, which nothing else here needs.
        from singer.transform import SchemaMismatch

        try:
            known: Record = self._transformer.transform(
                dict(record), self._own_schema, metadata=dict(self._metadata)
            )
        except SchemaMismatch:
            return record
        # It takes null for false where the schema allows both.
        return {**record, **{key: known[key] for key in known if record.get(key) is not None}}


def selected_fields(
    stream: BaseStream, schema: Mapping[str, Any], metadata: Mapping[Any, Any]
) -> list[str]:
    """The fields of a schema that a catalog selects: all but those that it leaves out."""
    always = {*stream.unique_key(), *stream.key_properties, stream.replication_key}
    return [
        name
        for name in schema.get("properties", {})
        if name in always or metadata.get(("properties", name), {}).get("selected", True)
    ]


def breadcrumbs(stream_metadata: Any) -> dict[Any, Any]:
    """A catalog's metadata by breadcrumb, whether it comes as a list or as such a mapping."""
    if isinstance(stream_metadata, Mapping):
        return dict(stream_metadata)
    return {tuple(entry["breadcrumb"]): entry["metadata"] for entry in stream_metadata or []}


def write_message(message: Mapping[str, Any]) -> None:
    """Writes one message to stdout."""
    _write([_line(message)])


def _line(message: Mapping[str, Any]) -> str:
    # In ASCII, so that no locale and no line separator inside a text comes between us and a target.
    return json.dumps(message, separators=(",", ":"))


def _write(lines: Sequence[str]) -> None:
    # singer.write_message formats with simplejson and flushes after each line: much slower.
    if lines:
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


def _run(stream: BaseStream, config: Mapping[str, Any]) -> Run:
    run = stream.default_run()
    start = config.get("start_date")
    if not start:
        return run
    since = parse_epoch(start)
    if since is None:
        raise ConfigError(f"start_date is {start!r}: it must be a date such as 2024-01-31")
    return Run(since=since, lookback=run.lookback)
