"""Lays times out over the history, with the coincidences that real data has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from intercom_assets.sandbox.plan import Plan

_TIE_EVERY = 29
_MIDNIGHT_EVERY = 31
_IMPORTED_EVERY = 23


class Moments:
    """Times of change: denser towards the anchor, with ties, and some beside local midnight.

    Args:
        plan: The workspace's plan.
        noun: What the times are for.
        imports: Whether some of the records were imported together, all in one second.
    """

    def __init__(self, plan: Plan, noun: str, *, imports: bool = False) -> None:
        self._plan = plan
        self._rng = plan.rng(f"{noun} moments")
        self._imported_at = plan.anchor - plan.span // 5 if imports else None
        self._midnights = _midnights(plan)
        self._drawn = 0
        self._last = plan.anchor

    def draw(self) -> int:
        """The time of a record's last change."""
        self._drawn += 1
        if self._drawn % _TIE_EVERY == 0:
            return self._last
        self._last = self._fresh()
        return self._last

    def before(self, moment: int, most: int) -> int:
        """A time up to `most` seconds before a moment, and within the history."""
        chance = self._rng.random()
        return max(moment - int(chance * chance * most), min(self._plan.start, moment))

    def _fresh(self) -> int:
        chance = self._rng.random()
        if self._imported_at is not None and self._drawn % _IMPORTED_EVERY == 0:
            return self._imported_at
        if self._drawn % _MIDNIGHT_EVERY == 0:
            return self._beside_midnight(chance)
        return self._plan.anchor - int(self._plan.span * chance**3)

    def _beside_midnight(self, chance: float) -> int:
        midnight = self._midnights[-1 - int(chance * len(self._midnights))]
        return min(midnight + self._drawn % 5 - 2, self._plan.anchor)


@cache
def _midnights(plan: Plan) -> Sequence[int]:
    """Local midnights of the history, oldest first; never empty."""
    zone = ZoneInfo(plan.timezone)
    last = datetime.fromtimestamp(plan.anchor, zone).date()
    days = (last - timedelta(days=back) for back in range(max(plan.history_days, 1)))
    found = (int(datetime.combine(day, time(), zone).timestamp()) for day in days)
    return sorted(min(midnight, plan.anchor) for midnight in found)
