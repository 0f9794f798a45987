"""A stream as Singer messages on stdout: the schema, its records, and a state after each batch."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from types import ModuleType
from typing import TYPE_CHECKING, Any

from intercom_assets.errors import ConfigError
from intercom_assets.state import SyncState
from intercom_assets.timestamps import parse_epoch, to_iso

if TYPE_CHECKING:
    from intercom_assets.streams.base import BaseStream, Run


def write_stream(
    stream: BaseStream,
    state: dict[str, Any],
    schema: dict[str, Any],
    stream_metadata: Any,
    config: Mapping[str, Any],
    transformer: Any,
) -> dict[str, Any]:
    """Writes one stream's messages; see `BaseStream.sync`."""
    singer = _singer()
    name, key = stream.tap_stream_id, stream.replication_key
    breadcrumbs = _breadcrumbs(stream_metadata)
    # Singer's transform reorders the types in the schema that it is given.
    own_schema = copy.deepcopy(schema)
    singer.write_schema(name, schema, stream.key_properties, [key] if key else None)
    begun, run = _begin(stream, singer.get_bookmark(state, name, key) if key else None, config)
    since = begun.gaps(2**40, run.lookback)[0][0]
    for batch in stream.batches(begun, run):
        extracted = datetime.now(timezone.utc)
        for record in batch.records:
            if stream._is_wanted(record, since):
                regular = transformer.transform(record, own_schema, metadata=breadcrumbs)
                singer.write_record(name, regular, time_extracted=extracted)
        if key:
            state = singer.write_bookmark(state, name, key, to_iso(batch.state.bookmark))
        singer.write_state(state)
    return state


def _begin(stream: BaseStream, bookmark: Any, config: Mapping[str, Any]) -> tuple[SyncState, Run]:
    """The stream's own state that a Singer bookmark stands for, and what the run wants."""
    from intercom_assets.streams.base import Run

    run = stream.default_run()
    start = run.since
    if config.get("start_date"):
        start = _moment("start_date", config["start_date"])
    state = SyncState(since=start)
    if bookmark is not None:
        state = state.with_complete(start, _moment("bookmark", bookmark))
    return state, Run(since=start, lookback=run.lookback)


def _moment(name: str, value: Any) -> int:
    moment = parse_epoch(value)
    if moment is None:
        raise ConfigError(f"{name} is {value!r}: it must be a date such as 2024-01-31T00:00:00Z")
    return moment


def _breadcrumbs(stream_metadata: Any) -> dict[Any, Any]:
    if isinstance(stream_metadata, Mapping):
        return dict(stream_metadata)
    return {tuple(entry["breadcrumb"]): entry["metadata"] for entry in stream_metadata or []}


def _singer() -> ModuleType:
    """The singer package, whose import would replace the root logger's handlers and level."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    import singer

    root.handlers[:] = handlers
    root.setLevel(level)
    module: ModuleType = singer
    return module
