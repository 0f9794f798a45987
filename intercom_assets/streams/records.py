"""What streams yield: records, with the state that is true once those records are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from intercom_assets.streams.state import SyncState
from intercom_assets.streams.transform import Record


@dataclass(frozen=True)
class Parent:
    """A record of a parent stream, as far as its children need it.

    Attributes:
        id: Its id.
        updated_at: When it last changed, epoch seconds.
        fetched_at: Intercom's clock when its children were read; None if they were not yet.
        columns: What else of it is needed, see `ChildStream.parent_columns`.
    """

    id: str
    updated_at: int
    fetched_at: int | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Gone:
    """What Intercom told of a record that is not there any more.

    Attributes:
        stream: Whose record it was.
        id: Its id.
        at: Since when, epoch seconds.
        into: The record that it was merged into.
    """

    stream: str
    id: str
    at: int
    into: str | None = None


@dataclass(frozen=True)
class Batch:
    """Records, and the state that is true once they are stored.

    Attributes:
        records: In regular form, see `RecordTransformer`.
        state: What to remember together with them.
        size: Their bytes as they came from Intercom.
        fetched: Parents all of whose children are in this batch.
        sweep: Whether a full refresh ends here: what it has not seen is gone at the source.
        nested: Records of other streams that came inside these, by stream. The state holds for them
            as well, so they are stored together.
        gone: Records of whatever stream that are told to be gone.
        met: If the records are keys only, when the sweep began that met them, epoch seconds.
    """

    records: list[Record]
    state: SyncState
    size: int = 0
    fetched: tuple[Parent, ...] = ()
    sweep: bool = False
    nested: Mapping[str, list[Record]] = field(default_factory=dict)
    gone: tuple[Gone, ...] = ()
    met: int | None = None


@dataclass(frozen=True)
class Run:
    """What one run wants.

    Attributes:
        since: Start date in epoch seconds; 0 is all history.
        lookback: Seconds before the bookmark that are read again.
        full_refresh: Whether to read everything anew.
        sweep: Whether to find out what is gone, and nothing else.
    """

    since: int = 0
    lookback: int = 600
    full_refresh: bool = False
    sweep: bool = False
