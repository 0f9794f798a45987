"""How a search compares times: by the second, or by the calendar day of the workspace."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from intercom_assets.sandbox.calls import ApiError, Version

# Milliseconds: from inclusive, to exclusive.
Interval = tuple[float, float]

# Up to this version contacts are searched by day.
LAST_DAY_VERSION: Version = (2, 16)


class Instants:
    """Times compared to the second."""

    def __init__(self, refused: tuple[str, ...] = ()) -> None:
        self.refused = refused

    def check(self, operator: str) -> None:
        """Raises unless the operator is allowed on times."""
        if operator in self.refused:
            raise refusal(operator)

    def interval(self, operator: str, at: int) -> Interval:
        """The stretch of time that `operator` and `at` ask for."""
        self.check(operator)
        return _interval(operator, at * 1000, at * 1000 + 1)


class Days:
    """Times compared by the calendar day that they fall on in a timezone."""

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone

    def check(self, operator: str) -> None:
        """Raises unless the operator is allowed on days."""
        if operator not in ("=", ">", "<"):
            raise refusal(operator)

    def interval(self, operator: str, at: int) -> Interval:
        """The days that `operator` and `at` ask for."""
        self.check(operator)
        try:
            start, end = day_of(at, self.timezone)
        except (OverflowError, ValueError, OSError):
            raise ApiError(400, "type_mismatch", f"{at} is not a timestamp") from None
        return _interval(operator, start * 1000, end * 1000)


@lru_cache(maxsize=1024)
def day_of(at: int, timezone: str) -> tuple[int, int]:
    """First second of the local day that `at` falls on, and of the day after.

    A day has 23 or 25 hours where the clocks change, so its end is the next midnight.
    """
    zone = ZoneInfo(timezone)
    local = datetime.fromtimestamp(at, zone)
    midnight = datetime(local.year, local.month, local.day)
    ends = (midnight, midnight + timedelta(days=1))
    first, after = (int(end.replace(tzinfo=zone).timestamp()) for end in ends)
    return first, after


def refusal(operator: str) -> ApiError:
    """The error for an operator that does not apply to times."""
    return ApiError(400, "parameter_invalid", f"{operator} is not supported for date fields")


def _interval(operator: str, start: int, end: int) -> Interval:
    return {
        "=": (start, end),
        ">": (end, math.inf),
        ">=": (start, math.inf),
        "<": (-math.inf, start),
        "<=": (-math.inf, end),
    }[operator]
