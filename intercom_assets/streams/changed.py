"""Lists that can be asked for what changed, or was made, after a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from intercom_assets.streams.beginning import begin
from intercom_assets.streams.records import Batch, Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.whole import IncrementalStream

# Whether "after" a second includes it, no page says.
MARGIN_SECONDS = 1


class ChangedStream(IncrementalStream):
    """A list with a parameter for the moment after which its records changed or were made.

    Records may come in whatever order: a stretch of time counts as complete once its last page has
    arrived. The lookback makes stretches overlap, and the key makes that harmless.

    Attributes:
        changed_after: The query parameter that takes the moment, in epoch seconds.
        changed_before: The one for the end, if there is one.
    """

    changed_after: ClassVar[str]
    changed_before: ClassVar[str | None] = None

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields what is missing, stretch by stretch, each with the state that holds after it."""
        run = run or self.default_run()
        started = self.client.server_time()
        state = begin(state, run, started)
        for start, end in state.gaps(started, run.lookback):
            # The newest stretch is open: what changes meanwhile may come along.
            for page in self.read(
                self.path, **self.between(start, None if end == started else end)
            ):
                if start <= 0 and end == started:
                    self.hear(page)
                yield self.batch(page, state)
            # Not beyond now: the Date that the run began with may have been wrong.
            state = state.with_complete(start, min(end, self.client.server_time()))
            yield Batch([], state)
        done = replace(state, refresh=None)
        yield Batch([], done, sweep=state.refresh is not None and not self.append)

    def between(self, start: int, end: int | None) -> dict[str, Any]:
        """The query parameters for a stretch of time, epoch seconds; without an end up to now."""
        asked: dict[str, Any] = {self.changed_after: max(start - MARGIN_SECONDS, 0)}
        if self.changed_before and end is not None:
            asked[self.changed_before] = end + MARGIN_SECONDS
        return asked
