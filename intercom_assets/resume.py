"""From where a run goes on: what Dagster's events say, corrected by what the warehouse holds.

Only the state that was committed with the rows can know what the table holds. The events say two
things that it cannot: that somebody wiped the asset, and that somebody reported a bookmark by hand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from intercom_assets.observability import metadata
from intercom_assets.step import Step
from intercom_assets.streams.timestamps import parse_epoch, to_iso
from intercom_assets.warehouse import Landing
from intercom_assets.warehouse.berth import Berth

EVENTS_PER_PAGE = 50


@dataclass(frozen=True)
class BookmarkEvent:
    """An event that holds a bookmark.

    Attributes:
        value: The bookmark as it was reported.
        run_id: The run that reported it; "" if somebody did so by hand.
        timestamp: When, epoch seconds.
    """

    value: Any
    run_id: str
    timestamp: float

    @property
    def mark(self) -> str:
        """What tells this event from every other, in whatever event store."""
        return f"{self.timestamp:.6f}"


def newest_bookmark(instance: dg.DagsterInstance, key: dg.AssetKey) -> BookmarkEvent | None:
    """The newest materialization or observation that has a bookmark, however many came later."""
    newest = [
        next(found, None)
        for found in (_materializations(instance, key), _observations(instance, key))
    ]
    return max((event for event in newest if event), key=lambda e: e.timestamp, default=None)


def resume(step: Step, landing: Landing, nested: Sequence[dg.AssetKey] = ()) -> bool:
    """Sets a landing's stored state to where this run goes on.

    Args:
        step: The step.
        landing: What it writes.
        nested: The assets of what is nested in its records, in the landing's order.

    Returns:
        Whether an event tells of the table already, without which it counts as wiped.

    Raises:
        Failure: When somebody reported a bookmark that is no point in time.
    """
    if landing.spec.replace:
        return True  # always read whole
    is_told = _obey(step, landing, landing, step.key)
    for key, berth in zip(nested, landing.nested, strict=True):
        # While a run is under way events tell of its own asset only: that there are none of the
        # others means something once a run was through.
        was_through = any(event.run_id for event in _materializations(step.instance, step.key))
        if was_through or newest_bookmark(step.instance, key):
            _obey(step, landing, berth, key)
    return is_told


def _obey(step: Step, landing: Landing, berth: Berth, key: dg.AssetKey) -> bool:
    """Starts a landing over if an asset's events say so; tells whether there are any."""
    stored, instance, log = berth.stored, step.instance, step.log.of(key)
    event = newest_bookmark(instance, key)
    if event is None:
        if stored.state and stored.run_id and instance.has_run(stored.run_id):
            log.info("the asset was wiped in Dagster, so everything is read again")
            landing.start_over(None, berth, stored.reset)
        return False
    if event.run_id or event.mark == stored.reset:
        return True
    moment = parse_epoch(event.value)
    if moment is None:
        raise dg.Failure(
            f"the bookmark {event.value!r} that was reported for {key.to_user_string()} is no "
            "date: report one such as 2024-01-31T00:00:00Z",
            allow_retries=False,
        )
    if stored.state and moment > stored.state.bookmark:
        log.warning(
            f"the reported bookmark {to_iso(moment)} is ahead of what is stored and is not "
            "followed, for that would leave a gap. To leave out older records set start_date"
        )
    else:
        log.info(f"set back to the reported bookmark {to_iso(moment)}")
    landing.start_over(moment, berth, event.mark)
    return True


def _materializations(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[BookmarkEvent]:
    cursor = None
    while True:
        page = instance.fetch_materializations(key, limit=EVENTS_PER_PAGE, cursor=cursor)
        yield from _with_bookmark(page.records, "asset_materialization")
        if not page.has_more:
            return
        cursor = page.cursor


def _observations(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[BookmarkEvent]:
    cursor = None
    while True:
        page = instance.fetch_observations(key, limit=EVENTS_PER_PAGE, cursor=cursor)
        yield from _with_bookmark(page.records, "asset_observation")
        if not page.has_more:
            return
        cursor = page.cursor


def _with_bookmark(records: Any, kind: str) -> Iterator[BookmarkEvent]:
    for record in records:
        event = getattr(record, kind)
        value = event.metadata.get(metadata.BOOKMARK) if event else None
        if value is not None:
            yield BookmarkEvent(value.value, record.run_id, record.timestamp)
