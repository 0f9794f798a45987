"""Conversation parts: every message, note, assignment and event of a conversation.

Only the single conversation has them, so each changed conversation costs one call. Which ones to
read is a work queue over the conversations that are stored; without a warehouse it is the
conversations stream itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Protocol

from intercom_assets.client.errors import MalformedResponse, NotFound
from intercom_assets.streams.base import IncrementalStream, begin
from intercom_assets.streams.records import Batch, Parent, Run
from intercom_assets.streams.search import Conversations
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.transform import Record
from intercom_assets.threads.overlap import overlap

# What is read within a minute of a change is read once more: Intercom may still have been at it.
SETTLED_AFTER = 60


class WorkQueue(Protocol):
    """Parents whose children are not stored, or not in their newest form.

    Attributes:
        total: How many there were, once the first of them have been read.
    """

    total: int

    def bookmark(self) -> int:
        """Up to where the parents themselves are complete, epoch seconds."""

    def pages(self, since: int, settled_after: int, before: int | None) -> Iterator[list[Parent]]:
        """Outstanding parents, oldest change first.

        Args:
            since: Only parents that changed at or after this, epoch seconds.
            settled_after: Seconds after its change from which a parent counts as settled.
            before: Parents whose children were read up to this second are outstanding, too.
        """


@dataclass(frozen=True)
class Thread:
    """One conversation's parts.

    Attributes:
        parent: The conversation.
        records: Its parts in regular form.
        size: Bytes of the answer.
    """

    parent: Parent
    records: list[Record]
    size: int


class ConversationParts(IncrementalStream):
    """All parts of each changed conversation, whatever the part's own time."""

    tap_stream_id = "conversation_parts"
    replication_key = "conversation_updated_at"
    valid_replication_keys: ClassVar[list[str]] = ["conversation_updated_at"]
    path = "/conversations/{id}"
    data_key = "conversation_parts"
    parent = Conversations
    references: ClassVar[dict[str, str]] = {
        "conversation_id": "id",
        "conversation_created_at": "created_at",
        "conversation_updated_at": "updated_at",
    }
    docs_page = "conversations/retrieveconversation"
    counted = ("conversations truncated", "conversations gone")
    unit = "conversations"

    def batches(
        self,
        state: SyncState | None = None,
        run: Run | None = None,
        queue: WorkQueue | None = None,
    ) -> Iterator[Batch]:
        """Yields conversations' parts, each batch with the conversations that it settles.

        Args:
            state: What is stored already.
            run: What this run wants.
            queue: The conversations to read; None takes them from the conversations stream.
        """
        run = run or self.default_run()
        if queue is None:
            return self._of_stream(state, run)
        return self._of_queue(begin(state, run, self.client.server_time()), run, queue)

    def _of_stream(self, state: SyncState | None, run: Run) -> Iterator[Batch]:
        for page in Conversations(self.client).batches(state, run):
            parents = [
                Parent(record["id"], parse_epoch(record.get("updated_at")) or 0)
                for record in page.records
            ]
            for thread in self._threads(parents):
                # The page's state is true only once all of its conversations are stored.
                yield Batch(thread.records, state or SyncState(since=run.since), thread.size)
            state = page.state
            yield Batch([], state)

    def _of_queue(self, state: SyncState, run: Run, queue: WorkQueue) -> Iterator[Batch]:
        # Asked before the first page: what arrives later is the next run's.
        end = queue.bookmark()
        unsettled = end
        for parents in queue.pages(run.since, SETTLED_AFTER, state.refresh):
            self.told[self.path] = queue.total
            # Pages ascend, so whatever is still outstanding is not older than this page.
            state = _up_to(state, min(parents[0].updated_at, unsettled))
            for thread in self._threads(parents):
                fetched = thread.parent.fetched_at or 0
                if fetched < thread.parent.updated_at + SETTLED_AFTER:
                    unsettled = min(unsettled, thread.parent.updated_at)
                yield Batch(thread.records, state, thread.size, fetched=(thread.parent,))
        done = _up_to(state, unsettled)
        yield Batch([], replace(done, refresh=None))

    def _threads(self, parents: list[Parent]) -> Iterator[Thread]:
        tasks = (partial(self._thread, parent) for parent in parents)
        workers = min(self.client.settings.max_concurrency, len(parents))
        return overlap(tasks, workers, lambda thread: thread.size)

    def _thread(self, parent: Parent) -> list[Thread]:
        try:
            answer = self.client.get(
                self.path.format(id=parent.id), {"display_as": self.client.settings.display_as}
            )
        except NotFound:
            # Deleted since it was listed. Parts that were stored before stay.
            self.counts["conversations gone"] += 1
            return [Thread(replace(parent, fetched_at=int(self.client.clock.time())), [], 0)]
        changed = max(parent.updated_at, parse_epoch(answer.body.get("updated_at")) or 0)
        fetched = replace(parent, updated_at=changed, fetched_at=answer.at)
        return [Thread(fetched, self._parts(answer.body), answer.size)]

    def _parts(self, conversation: Record) -> list[Record]:
        """A conversation's parts, each with what it needs to know of the conversation.

        Raises:
            MalformedResponse: When the answer is no conversation with parts.
        """
        listing = conversation.get("conversation_parts")
        parts = listing.get("conversation_parts") if isinstance(listing, dict) else None
        if not isinstance(parts, list):
            raise MalformedResponse(
                "the conversation comes without conversation_parts",
                call=f"GET /conversations/{conversation.get('id')}",
            )
        total = listing.get("total_count", len(parts)) if isinstance(listing, dict) else None
        truncated = isinstance(total, int) and total > len(parts)
        if truncated:
            self.counts["conversations truncated"] += 1
        context: dict[str, Any] = {
            "conversation_id": conversation.get("id"),
            "conversation_total_parts": total,
            "conversation_created_at": conversation.get("created_at"),
            "conversation_updated_at": conversation.get("updated_at"),
            "_parts_truncated": truncated,
        }
        return self._regular_records([{**part, **context} for part in parts])


def _up_to(state: SyncState, moment: int) -> SyncState:
    """The state in which everything before a moment is stored, and nothing else is known."""
    cleared = SyncState(since=state.since, refresh=state.refresh)
    return cleared.with_complete(state.since, moment)
