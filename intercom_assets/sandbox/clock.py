"""The sandbox's time: the real one plus an offset that tests move."""

from __future__ import annotations

import time


class Clock:
    """Ticks like the machine's clock, ahead of it by what was added with `advance`."""

    def __init__(self, offset: float = 0.0) -> None:
        self._offset = offset

    def now(self) -> int:
        """Whole seconds since the epoch."""
        return int(self.time())

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Moves the clock forward, or back if negative."""
        self._offset += seconds
