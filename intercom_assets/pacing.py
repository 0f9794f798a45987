"""Keeps within Intercom's rate limit by what its answers say, without a number to tune.

Every answer tells the limit of the current window (X-RateLimit-Limit), how many calls are left in
it (-Remaining) and when the next one begins (-Reset, in whole epoch seconds). A request may start
as long as fewer are under way than are left: those under way may not have been counted yet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

# Intercom's windows last ten seconds; the wait after a 429 that does not say how long.
WINDOW_SECONDS = 10.0


class ServerClock:
    """Intercom's clock, read from the Date header; the machine's own clock is never trusted."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def observe(self, date: str | None) -> None:
        """Learns from an answer that has just arrived."""
        if not date:
            return
        try:
            told = parsedate_to_datetime(date).timestamp()
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


class Pacer:
    """Admits requests; shared by all threads that use one token.

    Args:
        max_in_flight: How many requests may be under way at once, at the most.
        clock: The server's clock.

    Attributes:
        admitted: How many requests were admitted so far.
    """

    def __init__(self, max_in_flight: int, clock: ServerClock) -> None:
        self._max_in_flight = max_in_flight
        self._clock = clock
        self._changed = threading.Condition()
        self._in_flight = 0
        self.admitted = 0
        self._limit: int | None = None
        self._remaining: int | None = None
        self._reset = 0.0
        self._blocked_until = 0.0

    def __enter__(self) -> None:
        with self._changed:
            while wait := self._wait():
                self._changed.wait(wait)
            self._in_flight += 1
            self.admitted += 1

    def __exit__(self, *exc_info: object) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify()

    def observe(self, headers: Mapping[str, str]) -> None:
        """Learns the window's state from an answer's headers; without them nothing is limited."""
        try:
            limit = int(headers["X-RateLimit-Limit"])
            remaining = int(headers["X-RateLimit-Remaining"])
            reset = float(headers["X-RateLimit-Reset"])
        except (KeyError, ValueError):
            return
        with self._changed:
            if reset < self._reset:
                return  # an answer of a window that is over
            # Within one window the smallest count is the newest, whatever order answers arrive in.
            if reset > self._reset or self._remaining is None or remaining < self._remaining:
                self._remaining = remaining
            self._limit, self._reset = limit, reset
            self._changed.notify_all()

    def back_off(self, headers: Mapping[str, str]) -> float:
        """Holds every request back after a 429; returns for how many seconds."""
        wait = self._told_wait(headers)
        with self._changed:
            self._blocked_until = max(self._blocked_until, time.monotonic() + wait)
        return wait

    def _told_wait(self, headers: Mapping[str, str]) -> float:
        try:
            return max(0.0, float(headers["Retry-After"]))
        except (KeyError, ValueError):
            pass
        try:
            left = float(headers["X-RateLimit-Reset"]) - self._clock.time()
        except (KeyError, ValueError):
            return WINDOW_SECONDS
        return min(max(left, 0.05), 6 * WINDOW_SECONDS)

    def _wait(self) -> float:
        """Seconds until it is worth asking again; 0 if a request may start now."""
        blocked = self._blocked_until - time.monotonic()
        if blocked > 0:
            return blocked
        if self._in_flight >= self._max_in_flight:
            return WINDOW_SECONDS
        if self._remaining is None or self._in_flight < self._remaining:
            return 0.0
        left = self._reset - self._clock.time()
        if left <= 0:
            self._remaining = self._limit  # a new window, of which no answer has told yet
            return 0.0
        return min(left, WINDOW_SECONDS)
