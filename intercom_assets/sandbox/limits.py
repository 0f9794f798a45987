"""The rate limit: a number of requests in each window, for each token."""

from __future__ import annotations

import math
from typing import NamedTuple

from intercom_assets.sandbox.calls import Answer, ApiError
from intercom_assets.sandbox.options import Options


class Quota(NamedTuple):
    """What a token has left of its window."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool

    def headers(self, options: Options) -> dict[str, str]:
        """The X-RateLimit headers of an answer."""
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
        }
        if not options.omit_reset:
            headers["X-RateLimit-Reset"] = str(self.reset)
        return headers

    def refusal(self, options: Options, now: float, request_id: str) -> Answer:
        """The 429 for a request over the limit."""
        wait = {"Retry-After": str(max(1, math.ceil(self.reset - now)))}
        error = ApiError(
            429,
            "rate_limit_exceeded",
            f"Exceeded rate limit of {self.limit} requests in {options.window:g} seconds",
            wait if options.retry_after else None,
        )
        return error.answer(request_id)


class RateLimit:
    """Counts requests in fixed windows that begin at multiples of their length.

    It is used by the server's thread alone.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._used: dict[str, int] = {}
        self._window: tuple[float, int] = (0.0, -1)

    def spend(self, token: str, now: float) -> Quota:
        """Counts a request; one over the limit costs nothing."""
        limit, length = self.options.limit, self.options.window
        window = (length, int(now // length))
        if window != self._window:
            self._window = window
            self._used.clear()
        used = self._used.get(token, 0)
        if used < limit:
            self._used[token] = used + 1
        reset = math.ceil((window[1] + 1) * length)
        return Quota(limit, max(0, limit - used - 1), reset, used >= limit)
