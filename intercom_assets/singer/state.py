"""Singer's state: bookmarks that others can read, and beside them what a sync goes on from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from intercom_assets.client.errors import ConfigError
from intercom_assets.streams import STREAMS
from intercom_assets.streams.base import BaseStream
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import parse_epoch, to_iso

logger = logging.getLogger(__name__)

# Taps for Intercom before this one call every bookmark so.
USUAL_KEY = "updated_at"
SYNC_STATE = "sync_state"
CURRENT = "currently_syncing"
# Taps that are built with Meltano's SDK name the key beside the value.
SDK_KEY = "replication_key_value"
SDK_PROGRESS = ("progress_markers", "starting_replication_value", "replication_key_signpost")


def plain(state: Any) -> dict[str, Any]:
    """Singer state with ``bookmarks``, out of what orchestrators wrap it in.

    Known are a whole STATE message, Meltano's file (``singer_state``) and what it stores of a job
    (``completed`` and ``partial``, of which the partial one is the newer), and bookmarks without
    the name around them, as old taps write them.

    Raises:
        ConfigError: For anything else: all history would be read again without a word.
    """
    if state is None:
        return {}
    if not isinstance(state, Mapping):
        raise ConfigError(f"the state must be a JSON object, not {state!r}")
    for wrapper in ("value", "singer_state"):
        if wrapper in state and "bookmarks" not in state:
            return plain(state[wrapper])
    if {"completed", "partial"} & set(state) and "bookmarks" not in state:
        completed, partial = plain(state.get("completed")), plain(state.get("partial"))
        both = {**(completed.get("bookmarks") or {}), **(partial.get("bookmarks") or {})}
        return {**completed, **partial, "bookmarks": both}
    if "bookmarks" in state:
        if not isinstance(state["bookmarks"] or {}, Mapping):
            raise ConfigError("the state's bookmarks must be an object, by stream")
        return dict(state)
    bare = {name: state[name] for name in state if name in STREAMS}
    if unknown := sorted(set(state) - set(bare) - {CURRENT}):
        raise ConfigError(
            f"the state has no bookmarks, and {', '.join(unknown)} is nothing that is known: give "
            'it as {"bookmarks": {"contacts": {"updated_at": "2024-01-31T00:00:00Z"}}}, or leave '
            "it out to read all history"
        )
    others = {name: state[name] for name in state if name not in bare}
    return {**others, "bookmarks": bare} if bare else others


def read_state(state: Mapping[str, Any], stream: BaseStream, start: int) -> SyncState:
    """Where a stream goes on.

    A bookmark alone serves as well: one that another tap wrote, or that somebody changed by hand.

    Args:
        state: Singer state with ``bookmarks``.
        stream: The stream.
        start: The start date, epoch seconds.

    Raises:
        ConfigError: When the bookmark is no point in time, or of no form that is known.
    """
    name = stream.tap_stream_id
    found = (plain(state).get("bookmarks") or {}).get(name)
    entry = found if isinstance(found, Mapping) else {USUAL_KEY: found}
    bookmark = _bookmark(entry, stream)
    own = _own(entry.get(SYNC_STATE), name)
    if own is not None and bookmark == to_iso(own.bookmark):
        return replace(own, since=start)
    if bookmark in (None, ""):
        return SyncState(since=start)
    moment = parse_epoch(bookmark)
    if moment is None:
        raise ConfigError(
            f"the state's bookmark of {name} is {bookmark!r}: "
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


def _bookmark(entry: Mapping[str, Any], stream: BaseStream) -> Any:
    """The bookmark of a stream, by the key of this tap, of older ones, or of Meltano's SDK.

    Raises:
        ConfigError: When the entry is something else.
    """
    keys = (stream.replication_key or "", USUAL_KEY)
    for key in keys:
        if key in entry:
            return entry[key]
    if SDK_KEY in entry and entry.get("replication_key") in (None, *keys):
        return entry[SDK_KEY]
    # An SDK's run that was interrupted before its first bookmark leaves only its progress.
    unknown = sorted(set(entry) - {SYNC_STATE, *SDK_PROGRESS})
    if stream.replication_key and unknown:
        raise ConfigError(
            f"the state's bookmark of {stream.tap_stream_id} has {', '.join(unknown)}, and no "
            f"{stream.replication_key}: give it as "
            f'{{"{stream.replication_key}": "2024-01-31T00:00:00Z"}}'
        )
    return None


def _own(value: Any, name: str) -> SyncState | None:
    if value is None:
        return None
    try:
        return SyncState.from_json(value)
    except ValueError:
        logger.warning("%s: the state holds a sync_state that is none; its bookmark serves", name)
        return None
