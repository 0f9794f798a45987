"""What changed at Intercom and has not landed: what the change sensor goes by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import dagster as dg

from intercom_assets.resume import newest_bookmark
from intercom_assets.streams.timestamps import parse_epoch

# However often it was in vain, what is outstanding is asked for every hour.
LONGEST_WAIT_SECONDS = 3_600


class Outlook(NamedTuple):
    """What a look at a stream leaves to the next one. Moments are epoch seconds.

    Attributes:
        newest: The newest change at Intercom when last all had landed.
        bookmark: How far what has landed goes.
        asked: How many runs were asked for since the bookmark moved.
        at: When the last of them was.
        outstanding: Whether there is something that has not landed.
    """

    newest: int | None = None
    bookmark: int | None = None
    asked: int = 0
    at: float = 0.0
    outstanding: bool = False

    def after(self, now: int, landed: int | None) -> Outlook:
        """The outlook after a look.

        The second of the bookmark itself counts as outstanding: something may have changed in it
        after it was read. So does what shows up behind a bookmark that has not moved: Intercom's
        search tells of some changes minutes late.

        Args:
            now: The newest change at Intercom.
            landed: Up to when everything has landed; None if nothing has.
        """
        moved = landed != self.bookmark
        late = not moved and self.newest is not None and now > self.newest
        if landed is not None and now < landed and not late:
            return Outlook(now, landed)
        if moved:
            return Outlook(self.newest, landed, outstanding=True)
        return self._replace(outstanding=True)

    def is_due(self, clock: float, interval: float) -> bool:
        """Whether a run is to be asked for: at once, at the next look, then ever more seldom."""
        wait = min((2 ** max(self.asked - 1, 0) - 1) * interval, LONGEST_WAIT_SECONDS)
        return self.outstanding and clock >= self.at + wait

    def asking(self, clock: float) -> Outlook:
        """The outlook once a run was asked for."""
        return self._replace(asked=self.asked + 1, at=clock)

    @property
    def key(self) -> str:
        """What tells one asking for the same change from another."""
        return f"{self.bookmark}:{self.asked}"


def landed(instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]) -> int | None:
    """Up to when all changes have landed in some assets, by whatever run; None if unknown."""
    events = [newest_bookmark(instance, key) for key in keys]
    moments = [parse_epoch(event.value) if event else None for event in events]
    known = [moment for moment in moments if moment is not None]
    return min(known) if len(known) == len(moments) else None
