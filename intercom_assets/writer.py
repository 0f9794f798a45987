"""Gathers an extraction's batches into commits, and tells Dagster how far it is."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import dagster as dg
import duckdb

from intercom_assets.extraction import Extraction
from intercom_assets.observability import metadata
from intercom_assets.observability.metadata import IntercomMetadataSet, counts_of
from intercom_assets.observability.progress import Progress
from intercom_assets.step import Step
from intercom_assets.streams.judging import is_cut
from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.sweeping import calls_for
from intercom_assets.streams.timestamps import to_iso
from intercom_assets.threads.crews import WRITERS, in_background
from intercom_assets.threads.garbage import collect_recent
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.berth import Berth, Described
from intercom_assets.warehouse.buffer import Buffer
from intercom_assets.warehouse.errors import ShrinkRefused, WarehouseError
from intercom_assets.warehouse.lease import Turn, beating

# A transaction costs some tens of milliseconds, whatever is in it; what waits for one is bounded.
COMMIT_ROWS = 5_000
COMMIT_BYTES = 7 * 1024 * 1024
COMMIT_SECONDS = 5.0
OBSERVATION_SECONDS = 10.0


def is_full(landing: Landing) -> bool:
    """Whether so much waits as one commit should hold."""
    waiting, bulk = landing.waiting, landing.warehouse.kind.bulk
    return waiting.count >= COMMIT_ROWS * bulk or waiting.size >= COMMIT_BYTES * bulk


class Writer:
    """Gathers an extraction's batches into commits, and tells Dagster how far it is.

    Args:
        step: The step that it happens in.
        landing: The run's writing.
        extraction: Where batches come from.
        is_told: Whether any event tells of the table. What none tells of counts as wiped, so the
            first commit is told at once, in case the run ends early.
    """

    def __init__(self, step: Step, landing: Landing, extraction: Extraction, is_told: bool) -> None:
        self._step = step
        self._landing = landing
        self._extraction = extraction
        self._before = landing.stored.state
        self._state = landing.stored.state
        self._progress = Progress(extraction.unit, extraction.expected, step.log.info)
        self._committing: tuple[Buffer, Callable[[], None]] | None = None
        self._began = self._committed_at = self._observed_at = time.monotonic()
        self._is_told = is_told
        self._records: Counter[str] = Counter()

    def take_in(self) -> None:
        """Commits batch after batch, in the order that the stream yields them."""
        landing, extraction = self._landing, self._extraction
        try:
            if extraction.sweeps(landing.stored.state):
                self._tell_cost()
            batches = extraction.batches(landing.stored.state, landing.queue())
            for berth in landing.all:
                berth.began = extraction.began
            for batch in batches:
                self._take(batch)
        except (dg.Failure, dg.RetryRequested):
            # The source failed. What it gave until then need not be read again.
            if not extraction.table.replace:
                self._commit()
            self._settle()
            raise

    def _tell_cost(self) -> None:
        """Says what a sweep costs before it begins."""
        name, rows = self._landing.name, self._landing.describe().rows
        calls = calls_for(self._extraction.stream, rows)
        self._step.log.info(
            f"{name}: looking which of {rows:,} rows are gone at Intercom, in about {calls:,} calls"
        )

    def finish(self) -> None:
        """Stores what is left, once the stream is over."""
        if not self._extraction.table.replace:
            self._commit()
        self._settle()
        if self._extraction.table.replace:
            self._count(self._landing.waiting)
            self._landing.replace([], self._extraction.allow_empty)

    def _take(self, batch: Batch) -> None:
        if batch.sweep and self._sweep(batch):
            return
        self._landing.waiting.add(batch)
        self._progress.add(self._extraction.done(batch))
        if self._is_due():
            self._commit()

    def _sweep(self, batch: Batch) -> bool:
        """Takes away what was not met, if that can be believed."""
        if is_cut(self._extraction.stream.counts):
            self._step.log.warning(
                f"{self._landing.name}: Intercom gave fewer records than it told of, or some that "
                "could not be read, so nothing counts as gone this time"
            )
            return False
        self._commit()
        self._settle()
        run = self._extraction.run
        try:
            self._landing.sweep(batch.state, self._extraction.allow_shrink, run.since)
        except ShrinkRefused as problem:
            if run.full_refresh or run.sweep:
                raise
            # Nobody asked what is gone, and all that is there has landed.
            self._step.log.warning(str(problem))
            return False
        self._state = batch.state
        return True

    def _is_due(self) -> bool:
        patience = COMMIT_SECONDS * self._landing.warehouse.kind.bulk
        return is_full(self._landing) or time.monotonic() - self._committed_at >= patience

    def _commit(self) -> None:
        """Commits what waits, while the next batches come in: DuckDB needs no Python for it."""
        self._settle()
        buffer = self._landing.take()
        stored = in_background(partial(self._landing.store, buffer), WRITERS)
        self._committing = (buffer, stored)
        self._committed_at = time.monotonic()

    def _settle(self) -> None:
        """Waits for the commit under way, and raises what went wrong in it."""
        if self._committing is None:
            return
        (buffer, result), self._committing = self._committing, None
        result()
        if buffer.state is not None:
            self._state = buffer.state
            self._count(buffer)
            self._observe()
        collect_recent()

    def _count(self, buffer: Buffer) -> None:
        self._records[self._landing.name] += buffer.count
        for name, inner in buffer.nested.items():
            self._records[name] += inner.count

    def _observe(self) -> None:
        """Shows the progress of a long run. An observation triggers nothing downstream."""
        now = time.monotonic()
        if self._is_told and now - self._observed_at < OBSERVATION_SECONDS:
            return
        self._observed_at, self._is_told = now, True
        numbers = self.numbers(self._landing, self._extraction, self._landing.describe())
        self._step.tell(dg.AssetObservation(self._step.key, metadata=numbers))

    def numbers(self, berth: Berth, extraction: Extraction, table: Described) -> dict[str, Any]:
        """How far the run is at one of its tables: all numbers that any event tells of it.

        One that is missing from an event would leave a gap in Dagster's plot of it.
        """
        changes = berth.changes
        told = IntercomMetadataSet(
            records=self._records[berth.name],
            inserted=changes.inserted,
            updated=changes.updated,
            unchanged=changes.unchanged,
            deleted=changes.deleted,
            rows_gone=table.gone,
            calls=extraction.stream.client.calls,
            seconds=round(time.monotonic() - self._began, 3),
            **self._bookmarks(),
        )
        return {metadata.ROW_COUNT: table.rows, **told, **counts_of(extraction.stream.counts)}

    def _bookmarks(self) -> dict[str, Any]:
        """Up to where the table is complete, was before, and how far that is behind the source."""
        if self._extraction.table.replace:
            return {}
        moment = self._state.bookmark if self._state else 0
        behind = max(0.0, self._extraction.now() - moment)
        return {
            "bookmark": _iso(self._state),
            "bookmark_before": _iso(self._before),
            "lag_seconds": round(behind, 3) if moment else None,
        }


def _iso(state: SyncState | None) -> str | None:
    return None if state is None else to_iso(state.bookmark)


@contextmanager
def landing_of(
    warehouse: Warehouse, table: str, extraction: Extraction, run_id: str, turn: Turn
) -> Iterator[Landing]:
    """A run's writing of one stream, which nobody else writes meanwhile."""
    nested = [
        Berth(warehouse, inner.stream.tap_stream_id, inner.table, extraction.source, run_id, turn)
        for inner in extraction.nested
    ]
    landing = Landing(warehouse, table, extraction.table, extraction.source, run_id, nested, turn)
    try:
        with beating(landing.beat):
            yield landing
    except BaseException:
        with suppress(duckdb.Error, WarehouseError):
            landing.give_up()
        raise
