"""Lists in the order of change, newest first, that cannot be asked for changes only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from intercom_assets.streams.beginning import begin
from intercom_assets.streams.records import Batch, Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.whole import IncrementalStream


class NewestFirstStream(IncrementalStream):
    """A list in descending order of its replication key: read from its top down to the bookmark."""

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields what is newer than the bookmark, then the state that claims it."""
        run = run or self.default_run()
        started = self.client.server_time()
        state = begin(state, run, started)
        gaps = state.gaps(started, run.lookback)
        for start in [gap[0] for gap in gaps[:1]]:
            yield from self._down_to(start, state)
            if state.refresh is not None:
                # A record that changed meanwhile has moved to the top, past what was being read.
                yield from self._down_to(max(run.since, state.refresh - run.lookback), state)
            # Not beyond now: the Date that the run began with may have been wrong.
            state = state.with_complete(start, min(started, self.client.server_time()))
        done = replace(state, refresh=None)
        yield Batch([], done, sweep=state.refresh is not None and not self.append)

    def _down_to(self, moment: int, state: SyncState) -> Iterator[Batch]:
        for page in self.pages():
            if moment <= 0:
                self.hear(page)
            yield self.batch(page, state)
            times = [parse_epoch(record.get(self.replication_key)) for record in page.records]
            # The moment's own second may go on on the next page.
            if any(time is not None and time < moment for time in times):
                return
