"""From where a run goes on, as far as its state and its wishes tell."""

from __future__ import annotations

import logging
from dataclasses import replace

from intercom_assets.streams.records import Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import to_iso

logger = logging.getLogger(__name__)

# Intercom's clock is told in whole seconds, and by many machines.
CLOCK_TOLERANCE_SECONDS = 60


def begin(state: SyncState | None, run: Run, now: int) -> SyncState:
    """The state at the start of a run: its start date, and its full refresh if it wants one.

    A full refresh that was interrupted goes on, whether or not this run asks for one.
    """
    state = state or SyncState()
    trusted = state.distrusting(now + CLOCK_TOLERANCE_SECONDS)
    if trusted is not state:
        logger.warning(
            "what is stored claims to be complete up to %s, which is still to come: it is not "
            "trusted, and read again",
            to_iso(state.complete[-1][1]),
        )
        state = trusted
    if run.full_refresh and state.refresh is None:
        return state.refreshing(run.since, now)
    return replace(state, since=run.since)
