"""What of a stream is stored, as facts about time: the intervals of updated_at that are complete.

The bookmark is derived from them: the end of the unbroken stretch that begins at the start date.
All times are epoch seconds; intervals include their start and exclude their end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from intercom_assets.streams.timestamps import parse_epoch, to_iso

Interval = tuple[int, int]

ASCENDING = "ascending"
DESCENDING = "descending"


@dataclass(frozen=True)
class Walk:
    """A search under way over an interval of updated_at.

    Attributes:
        start: Where the interval begins.
        end: Where it ends.
        order: ASCENDING or DESCENDING.
        bounded: Whether the search stops at the end, rather than at the newest record there is.
        cursor: Where the search goes on, once it has begun.
    """

    start: int
    end: int
    order: str = ASCENDING
    bounded: bool = False
    cursor: str | None = None

    @property
    def same_as(self) -> tuple[int, int, str, bool]:
        """What two states of one walk have in common."""
        return (self.start, self.end, self.order, self.bounded)


@dataclass(frozen=True)
class SyncState:
    """The state that is true once the records before it are stored. Immutable.

    Attributes:
        since: The start date; 0 is all history.
        complete: Intervals of which every record is stored, ascending and apart from each other.
        walks: Searches that can be continued from a cursor.
        refresh: When the full refresh began that is not complete yet.
        outstanding: Seconds within what is complete that hold a record of which something could not
            be read: to be asked for again.
    """

    since: int = 0
    complete: tuple[Interval, ...] = ()
    walks: tuple[Walk, ...] = ()
    refresh: int | None = None
    outstanding: tuple[int, ...] = ()

    @property
    def bookmark(self) -> int:
        """Up to where, from the start date on, nothing is missing."""
        for start, end in self._read():
            if start <= self.since <= end:
                return end
        return self.since

    def with_complete(self, start: int, end: int) -> SyncState:
        """The state with one more complete interval."""
        if end <= start:
            return self
        return replace(self, complete=_union((*self.complete, (start, end))))

    def with_walk(self, walk: Walk) -> SyncState:
        """The state with a walk's newest cursor; a walk without one is over."""
        others = tuple(other for other in self.walks if other.same_as != walk.same_as)
        return replace(self, walks=(*others, walk) if walk.cursor else others)

    def back_to(self, moment: int) -> SyncState:
        """The state in which nothing from a moment on is known to be stored."""
        kept = tuple((start, min(end, moment)) for start, end in self.complete if start < moment)
        return replace(self, complete=kept, walks=())

    def with_read(self, start: int, end: int, refused: Iterable[int]) -> SyncState:
        """The state after an interval was read, of which what was refused is outstanding."""
        before = (second for second in self.outstanding if not start <= second < end)
        return self.with_complete(start, end).with_outstanding((*before, *refused))

    def with_outstanding(self, seconds: Iterable[int]) -> SyncState:
        """The state with these seconds outstanding, and no others."""
        return replace(self, outstanding=tuple(sorted(set(seconds))))

    def distrusting(self, now: int) -> SyncState:
        """The state without what claims to be complete beyond a moment that is still to come.

        How much of such an interval is true, nobody knows.
        """
        if not any(end > now for _, end in self.complete):
            return self
        kept = tuple((start, end) for start, end in self.complete if end <= now)
        return replace(self, complete=kept, walks=())

    def refreshing(self, since: int, now: int) -> SyncState:
        """The state at the start of a full refresh."""
        return SyncState(since=since, refresh=now)

    def gaps(self, until: int, lookback: int) -> list[Interval]:
        """What is missing between the start date and a moment.

        Args:
            until: Where to stop.
            lookback: Seconds before the end of each complete interval that are read again: a
                record can show up in search minutes after its updated_at.
        """
        known = [(start, max(start, end - lookback)) for start, end in self._read()]
        # An unbounded walk ends at the moment its run began, where the lookback holds as well.
        known += [
            (walk.start, walk.end if walk.bounded else max(walk.start, walk.end - lookback))
            for walk in self.walks
        ]
        gaps, at = [], self.since
        for start, end in _union(known):
            if start > at:
                gaps.append((at, min(start, until)))
            at = max(at, end)
        if at < until:
            gaps.append((at, until))
        return [gap for gap in gaps if gap[0] < gap[1]]

    def _read(self) -> list[Interval]:
        """What is complete and not outstanding."""
        kept = list(self.complete)
        for second in self.outstanding:
            parts = [
                part
                for start, end in kept
                for part in ((start, min(end, second)), (max(start, second + 1), end))
            ]
            kept = [part for part in parts if part[0] < part[1]]
        return kept

    def to_json(self) -> dict[str, Any]:
        """The state as JSON, times as ISO 8601."""
        return {
            "since": to_iso(self.since),
            "complete": [[to_iso(start), to_iso(end)] for start, end in self.complete],
            "walks": [
                {
                    "start": to_iso(walk.start),
                    "end": to_iso(walk.end),
                    "order": walk.order,
                    "bounded": walk.bounded,
                    "cursor": walk.cursor,
                }
                for walk in self.walks
            ],
            "refresh": None if self.refresh is None else to_iso(self.refresh),
            "outstanding": [to_iso(second) for second in self.outstanding],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SyncState:
        """The state that `to_json` wrote.

        Raises:
            ValueError: When it is something else.
        """
        try:
            refresh = value.get("refresh")
            return cls(
                since=_epoch(value["since"]),
                complete=_union((_epoch(a), _epoch(b)) for a, b in value["complete"]),
                walks=tuple(
                    Walk(**{**walk, "start": _epoch(walk["start"]), "end": _epoch(walk["end"])})
                    for walk in value.get("walks", ())
                ),
                refresh=None if refresh is None else _epoch(refresh),
                outstanding=tuple(_epoch(second) for second in value.get("outstanding", ())),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(f"not a sync state: {value!r}") from problem


def _epoch(value: Any) -> int:
    moment = parse_epoch(value)
    if moment is None:
        raise ValueError(f"not a point in time: {value!r}")
    return moment


def _union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The intervals, sorted, with those that touch made one."""
    union: list[Interval] = []
    for start, end in sorted(intervals):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, end))
    return tuple(union)
