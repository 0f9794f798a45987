"""Points in time as Intercom sends them: epoch seconds, milliseconds, numeric or ISO strings."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from dateutil.parser import isoparse

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# 10^11 seconds is the year 5138: what is larger can only be milliseconds.
_MILLISECONDS_FROM = 100_000_000_000
_MINUTES = tuple(f"T{minute // 60:02d}:{minute % 60:02d}" for minute in range(1_440))
_SECONDS = tuple(f":{second:02d}Z" for second in range(60))


def parse_time(value: Any) -> datetime | None:
    """The moment a value stands for, in UTC, or None if it does not stand for one.

    Args:
        value: Epoch seconds or milliseconds as a number or a numeric string, or an ISO 8601 string;
            one without an offset is taken as UTC.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, datetime):
        return (
            value.astimezone(timezone.utc) if value.tzinfo else value.replace(tzinfo=timezone.utc)
        )
    try:
        number = _as_number(value)
        if number is None:
            return _parse_iso(value)
        unit = "milliseconds" if abs(number) >= _MILLISECONDS_FROM else "seconds"
        return _EPOCH + timedelta(**{unit: number})
    except (ValueError, OverflowError, TypeError):
        return None


def parse_epoch(value: Any) -> int | None:
    """Like `parse_time`, in whole epoch seconds, rounded down."""
    if type(value) is int and -_MILLISECONDS_FROM < value < _MILLISECONDS_FROM:
        return value
    moment = parse_time(value)
    return None if moment is None else (moment - _EPOCH) // timedelta(seconds=1)


def to_iso(value: Any) -> str | None:
    """The moment as ISO 8601 in UTC, e.g. ``2024-01-31T00:00:00Z``, or None if there is none."""
    if type(value) is int and 0 <= value < _MILLISECONDS_FROM:
        # The common form, and ten of it in a contact: put together from parts that repeat.
        minute, second = _MINUTES[value // 60 % 1_440], _SECONDS[value % 60]
        return f"{_date(value // 86_400)}{minute}{second}"
    moment = parse_time(value)
    if moment is None:
        return None
    return moment.isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=8192)
def _date(days: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(days * 86_400))


def _as_number(value: Any) -> int | float | None:
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip()
    # A plain "2024" is a year in ISO 8601, but nobody sends the first hour of 1970 as text.
    if text.lstrip("-").isdecimal() and len(text) > 4 and not _is_compact_date(text):
        return int(text)
    return None


def _is_compact_date(text: str) -> bool:
    """Whether eight digits are a date, such as 20240131, rather than a moment in 1970."""
    return len(text) == 8 and text[:2] in ("19", "20") and "01" <= text[4:6] <= "12"


def _parse_iso(value: Any) -> datetime | None:
    if not isinstance(value, str) or not value.strip():
        return None
    moment = isoparse(value.strip())
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
