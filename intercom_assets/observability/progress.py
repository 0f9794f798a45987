"""How far a long run is, in a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

LINE_SECONDS = 5.0


class Progress:
    """Counts what a stream gives, and says so.

    Args:
        stream: The stream's name.
        unit: What is counted: records, or conversations whose parts are read.
        expected: Tells how many there will be; None if nobody knows.
        say: Takes a line for the log.
    """

    def __init__(
        self,
        stream: str,
        unit: str,
        expected: Callable[[], int | None],
        say: Callable[[str], None],
    ) -> None:
        self._stream = stream
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
            return f"{self._stream}: {self._count:,} {self._unit}, {rate:,.0f}/s"
        left = _duration((expected - self._count) / rate) if rate else "unknown time"
        return (
            f"{self._stream}: {self._count:,} of about {expected:,} {self._unit}, "
            f"{rate:,.0f}/s, {left} left"
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
