"""What the headers of an answer tell about the rate limit, as far as it can be true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from dateutil.parser import isoparse

# Epoch seconds reach this in the year 5138, milliseconds did in 1973.
_MILLISECONDS_FROM = 1e11


class ToldWindow(NamedTuple):
    """A window of the rate limit.

    Attributes:
        limit: Calls that it allows.
        remaining: How many of them are left.
        reset: When the next one begins, epoch seconds.
    """

    limit: int
    remaining: int
    reset: float


def told_window(headers: Mapping[str, str], now: float, longest: float) -> ToldWindow | None:
    """The window that an answer tells of; None if it tells of none that there can be.

    Args:
        headers: Of the answer.
        now: The server's clock, epoch seconds.
        longest: Seconds that may be left of a window at the most.
    """
    limit, remaining = (
        _number(headers.get(f"X-RateLimit-{name}")) for name in ("Limit", "Remaining")
    )
    reset = _moment(headers.get("X-RateLimit-Reset"))
    if limit is None or remaining is None or reset is None:
        return None
    if limit < 1 or reset - now > longest:
        return None
    return ToldWindow(int(limit), int(min(max(remaining, 0), limit)), reset)


def told_wait(headers: Mapping[str, str], now: float, longest: float) -> float | None:
    """Seconds to wait after a 429; None if its headers do not say it, or nothing believable.

    Args:
        headers: Of the answer; ``Retry-After`` in seconds or as a date counts first.
        now: The server's clock, epoch seconds.
        longest: Seconds that a header may ask for at the most.
    """
    after = headers.get("Retry-After")
    seconds = _number(after)
    if seconds is None and (moment := _moment(after)) is not None:
        seconds = moment - now
    if seconds is not None:
        return min(max(seconds, 0.0), longest)
    reset = _moment(headers.get("X-RateLimit-Reset"))
    if reset is None or reset - now > longest:
        return None
    return max(reset - now, 0.0)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(text: str | None) -> float | None:
    """Epoch seconds of a time in seconds, milliseconds, ISO 8601 or the form of HTTP."""
    number = _number(text)
    if number is not None:
        return number / 1_000 if number >= _MILLISECONDS_FROM else number
    for parse in (isoparse, parsedate_to_datetime):
        try:
            return parse(text or "").timestamp()
        except (TypeError, ValueError, OverflowError):
            continue
    return None
