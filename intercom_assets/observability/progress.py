"""How far a long run is, in a line every few seconds, and what a run brought, in its last one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from intercom_assets.observability.metadata import IntercomMetadataSet

LINE_SECONDS = 5.0


class Progress:
    """Counts what a stream gives, and says so.

    Args:
        unit: What is counted: records, or conversations whose parts are read.
        expected: Tells how many there will be; None if nobody knows.
        say: Takes a line for the log.
    """

    def __init__(
        self,
        unit: str,
        expected: Callable[[], int | None],
        say: Callable[[str], None],
    ) -> None:
        self._unit = unit
        self._expected = expected
        self._say = say
        self._began = self._said = time.monotonic()
        self._count = 0

    def add(self, count: int) -> None:
        """Counts, and says how far it is if that has not been said for `LINE_SECONDS`."""
        self._count += count
        now = time.monotonic()
        if now - self._said >= LINE_SECONDS:
            self._said = now
            self._say(self.line(now - self._began))

    def line(self, seconds: float) -> str:
        """How far it is after so many seconds."""
        rate = self._count / seconds
        expected = self._expected()
        if not expected or expected < self._count:
            return f"{self._count:,} {self._unit}, {rate:,.0f}/s"
        left = _duration((expected - self._count) / rate) if rate else "unknown time"
        return f"{self._count:,} of about {expected:,} {self._unit}, {rate:,.0f}/s, {left} left"


def summary(told: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """What a run brought, as a line for the log.

    Args:
        told: The metadata of its materialization.
        counts: What was noteworthy in it, by name.
    """
    run = IntercomMetadataSet.extract(told)
    rows = (
        f"{run.records or 0:,} read: {run.inserted or 0:,} new, {run.updated or 0:,} changed, "
        f"{run.unchanged or 0:,} unchanged, {run.deleted or 0:,} gone"
    )
    cost = f"{run.calls or 0:,} calls, {run.seconds or 0:.1f} s"
    noteworthy = [f"{count:,} {name}" for name, count in counts.items() if count]
    bookmark = [f"bookmark {run.bookmark}"] if run.bookmark else []
    return "; ".join([rows, cost, *noteworthy, *bookmark])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
