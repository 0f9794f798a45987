"""What time it is for Intercom."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from functools import lru_cache


class ServerClock:
    """Intercom's clock, read from the Date header; the machine's own clock is never trusted."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def observe(self, date: str | None) -> None:
        """Learns from an answer that has just arrived."""
        if not date:
            return
        try:
            told = _moment(date)
        except (TypeError, ValueError):
            return
        # The header is cut to whole seconds and ages on the way: the largest offset is the truest,
        # and none of them is ahead of the server.
        offset = told - time.monotonic()
        if self._offset is None or offset > self._offset or offset < self._offset - 5:
            self._offset = offset

    @property
    def known(self) -> bool:
        """Whether any answer has told the time yet."""
        return self._offset is not None

    def time(self) -> float:
        """Seconds since the epoch; at most a second behind the server, never ahead of it."""
        if self._offset is None:
            return time.time()
        return time.monotonic() + self._offset


# All answers of a second have the same date.
@lru_cache(maxsize=4)
def _moment(date: str) -> float:
    return parsedate_to_datetime(date).timestamp()
