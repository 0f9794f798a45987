"""Streams that Intercom can search by updated_at, such as conversations and contacts.

A run works off the gaps in what its state says is complete. Each gap is walked page by page, and
after each page the state claims what the order of the search makes certain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from intercom_assets.client.errors import MalformedResponse, NotFound, RequestRefused
from intercom_assets.client.pagination import Page, search_pages
from intercom_assets.streams import sublists
from intercom_assets.streams.beginning import begin
from intercom_assets.streams.judging import tell
from intercom_assets.streams.optional_fields import begun
from intercom_assets.streams.records import Batch, Run
from intercom_assets.streams.refusals import Refusals
from intercom_assets.streams.state import ASCENDING, DESCENDING, Interval, SyncState, Walk
from intercom_assets.streams.sublists import Asked, Sublist
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.transform import Record
from intercom_assets.streams.whole import IncrementalStream
from intercom_assets.threads.crews import in_background
from intercom_assets.threads.overlap import Spawn, overlap

# Walks of one stream that are read side by side.
WALKS_AT_ONCE = 8
# A walk of more pages than that is split: a cursor gives them one after the other only.
SPLIT_FROM_PAGES = 4


@dataclass(frozen=True)
class Step:
    """A page of a walk.

    Attributes:
        walk: The walk, with the cursor of the next page.
        records: The page's records that the walk wants, in regular form.
        nested: Those that were inside them, by stream.
        size: Bytes of the page.
        asked: Lists of the records that had to be asked for.
        claimed: The interval of updated_at that is complete once they are stored.
    """

    walk: Walk
    records: list[Record]
    nested: dict[str, list[Record]]
    size: int
    asked: list[Asked]
    claimed: Interval


class SearchStream(IncrementalStream):
    """A collection with a search by updated_at."""

    is_long = True
    tells_total = True
    # How far a search may miss the moment it is asked for, in seconds. Conversations are matched to
    # the second, where ">" is documented as both "greater" and "greater or equal".
    margin: ClassVar[int] = 1
    # Seconds of updated_at below which a window is not split any further.
    shortest_window: ClassVar[int] = 3_600
    # Lists in a record that the search cuts off.
    sublists: ClassVar[dict[str, Sublist]] = {}
    # Whether an increment is read from the newest record down to the bookmark.
    newest_first: ClassVar[bool] = False
    # Whether a walk's cursor is kept, because its start cannot be asked for exactly.
    keeps_cursor: ClassVar[bool] = False

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields what is missing, in pages, each with the state that holds after it."""
        run = run or self.default_run()
        started = self.client.server_time()
        state = begin(state, run, started)
        refusals = Refusals(self.tap_stream_id, known=len(state.outstanding))
        for batch in self._walk_all(self.plan(state, run, started), state, refusals):
            state = batch.state
            yield batch
        yield from self._finish(state, run, started, refusals)
        refusals.judge()

    def plan(self, state: SyncState, run: Run, started: int) -> list[Walk]:
        """The walks that close the gaps up to the start of the run."""
        walks = list(state.walks)
        for start, end in state.gaps(started, run.lookback):
            is_increment = self.newest_first and end == started and start > state.since
            walks.append(
                Walk(
                    start,
                    end,
                    order=DESCENDING if is_increment else ASCENDING,
                    # The newest gap has no upper bound: a record that changes while pages are read
                    # moves on to a later page rather than out of the search.
                    bounded=end < started,
                )
            )
        return walks

    def _walk_all(self, walks: list[Walk], state: SyncState, refusals: Refusals) -> Iterator[Batch]:
        # A walk that goes on from its cursor does not come by what was refused before that again.
        kept = {
            second
            for second in state.outstanding
            if any(walk.start <= second < walk.end for walk in state.walks)
        }
        tasks = (partial(self._walk, walk, is_part=False) for walk in walks)
        workers = partial(self.client.pacer.worthwhile, WALKS_AT_ONCE)
        for step in overlap(tasks, workers, lambda step: step.size):
            for asked in step.asked:
                refusals.count(asked.refused)
            start, end = step.claimed
            # Not beyond now: the Date that the run began with may have been wrong.
            state = state.with_read(
                start, min(end, self.client.server_time()), kept | refusals.seconds
            )
            if self.keeps_cursor:
                state = state.with_walk(step.walk)
            gone = tuple(each for asked in step.asked for each in asked.gone)
            yield Batch(step.records, state, step.size, nested=step.nested, gone=gone)

    def _finish(
        self, state: SyncState, run: Run, started: int, refusals: Refusals
    ) -> Iterator[Batch]:
        """Ends a full refresh.

        What changed while the walks were read may have moved from a page not yet read to one that
        had been: it is newer than the run's start, and is read once more before anything counts as
        gone.
        """
        if state.refresh is None:
            yield Batch([], state)
            return
        since = max(run.since, state.refresh - run.lookback)
        for batch in self._walk_all([Walk(since, started)], state, refusals):
            state = batch.state
            yield replace(batch, state=replace(state, walks=()))
        yield Batch([], replace(state, refresh=None, walks=()), sweep=True)

    def _walk(self, walk: Walk, is_part: bool = True) -> Iterator[Step | Spawn]:
        """Takes a walk page by page; one that proves long is handed on in two halves."""
        pages = self._pages(walk)
        page, is_first = next(pages), True
        if walk.start == 0 and not walk.bounded and walk.cursor is None:
            self.total = page.total
        if not is_part and page.total is not None and walk.order == ASCENDING:
            self.told[walk.same_as] = page.total
        while True:
            tell(page, self.counts, self.tap_stream_id)
            last = parse_epoch(page.records[-1].get("updated_at")) if page.records else None
            over = page.cursor is None or self._is_past(walk, last)
            halves = self._halves(walk, page, last) if is_first and not over else []
            if halves:
                yield Spawn([partial(self._walk, half) for half in halves])
            # On its way while this one's lists are completed, and its records stored.
            following = None if over or halves else in_background(partial(next, pages))
            walk = replace(walk, cursor=page.cursor if following else None)
            wanted = [record for record in page.records if self._is_inside(walk, record)]
            records, nested = self.taken_apart(wanted)
            asked = sublists.complete(self, records, self.sublists)
            yield Step(walk, records, nested, page.size, asked, self._claim(walk, last, over))
            if following is None:
                return
            page, is_first = following(), False

    def _halves(self, walk: Walk, page: Page, last: int | None) -> list[Walk]:
        """What is left of a walk after its first page, as two walks, if that is worth while."""
        size = self.client.settings.page_size
        if last is None or page.total is None or walk.order == DESCENDING:
            return []
        start = max(last, walk.start)
        if page.total < SPLIT_FROM_PAGES * size or walk.end - start < 2 * self.shortest_window:
            return []
        middle = (start + walk.end) // 2
        return [
            replace(walk, start=start, end=middle, bounded=True, cursor=None),
            replace(walk, start=middle, cursor=None),
        ]

    def _pages(self, walk: Walk) -> Iterator[Page]:
        if walk.cursor is None:
            return self._search(walk)
        try:
            return self._search(walk, walk.cursor)
        except (NotFound, RequestRefused, MalformedResponse):
            # Intercom does not say how long a cursor lives: the walk starts over without it.
            return self._search(walk)

    def _search(self, walk: Walk, cursor: str | None = None) -> Iterator[Page]:
        pages = partial(
            search_pages,
            self.client,
            self.path,
            self.query(walk),
            order=walk.order,
            key=self.data_key,
            page_size=self.client.settings.page_size,
            cursor=cursor,
        )
        return self.optional_fields.asked(lambda params: begun(pages(params=params)))

    def query(self, walk: Walk) -> dict[str, Any]:
        """The search for a walk, wide enough for whatever Intercom's comparison leaves out."""
        after = {
            "field": "updated_at",
            "operator": ">",
            "value": max(walk.start - self.margin, 0),
        }
        if not walk.bounded:
            return {"operator": "AND", "value": [after]}
        before = {"field": "updated_at", "operator": "<", "value": walk.end + self.margin}
        return {"operator": "AND", "value": [after, before]}

    @staticmethod
    def _is_inside(walk: Walk, record: Record) -> bool:
        changed = parse_epoch(record.get("updated_at"))
        if changed is None:
            return True
        return changed >= walk.start and not (walk.bounded and changed >= walk.end)

    @staticmethod
    def _is_past(walk: Walk, last: int | None) -> bool:
        if last is None:
            return False
        if walk.order == DESCENDING:
            return last < walk.start
        return walk.bounded and last >= walk.end

    @staticmethod
    def _claim(walk: Walk, last: int | None, over: bool) -> tuple[int, int]:
        """What is complete after a page whose last record changed at that moment.

        The second of the last record itself is left out: more of it may be on the next page.
        """
        if over:
            return walk.start, walk.end
        if last is None:
            return walk.start, walk.start
        if walk.order == DESCENDING:
            return max(last + 1, walk.start), walk.end
        return walk.start, min(last, walk.end)
