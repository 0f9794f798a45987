"""Singer's state: bookmarks that others can read, and beside them what a sync goes on from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from intercom_assets.client.errors import ConfigError
from intercom_assets.streams.base import BaseStream
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import parse_epoch, to_iso

logger = logging.getLogger(__name__)

# Taps for Intercom before this one call every bookmark so.
USUAL_KEY = "updated_at"
SYNC_STATE = "sync_state"


def read_state(state: Mapping[str, Any], stream: BaseStream, start: int) -> SyncState:
    """Where a stream goes on.

    A bookmark alone serves as well: one that another tap wrote, or that somebody changed by hand.

    Args:
        state: Singer state with ``bookmarks``.
        stream: The stream.
        start: The start date, epoch seconds.

    Raises:
        ConfigError: When the bookmark is no point in time.
    """
    found = (state.get("bookmarks") or {}).get(stream.tap_stream_id)
    entry = found if isinstance(found, Mapping) else {USUAL_KEY: found}
    bookmark = entry.get(stream.replication_key or "", entry.get(USUAL_KEY))
    own = _own(entry.get(SYNC_STATE), stream.tap_stream_id)
    if own is not None and bookmark == to_iso(own.bookmark):
        return SyncState(start, own.complete, own.walks, own.refresh)
    if bookmark in (None, ""):
        return SyncState(since=start)
    moment = parse_epoch(bookmark)
    if moment is None:
        raise ConfigError(
            f"the state's bookmark of {stream.tap_stream_id} is {bookmark!r}: "
            "it must be a date such as 2024-01-31T00:00:00Z"
        )
    return SyncState(since=start).with_complete(start, moment)


def with_bookmark(
    state: Mapping[str, Any], stream: BaseStream, reached: SyncState
) -> dict[str, Any]:
    """The Singer state with what a stream has reached."""
    if stream.replication_key is None:
        return dict(state)
    entry = {
        stream.replication_key: to_iso(reached.bookmark),
        SYNC_STATE: reached.to_json(),
    }
    bookmarks = {**(state.get("bookmarks") or {}), stream.tap_stream_id: entry}
    return {**state, "bookmarks": bookmarks}


def _own(value: Any, name: str) -> SyncState | None:
    if value is None:
        return None
    try:
        return SyncState.from_json(value)
    except ValueError:
        logger.warning("%s: the state holds a sync_state that is none; its bookmark serves", name)
        return None
