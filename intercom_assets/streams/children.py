"""Children of changed parents: a call for each parent that changed, concurrently.

Which parents to ask for is a work queue over those that are stored; without a warehouse it is the
parents' own stream. A parent that cannot be read never stops the others: it stays outstanding.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from intercom_assets.client.errors import IntercomError, NotFound
from intercom_assets.client.pagination import Page
from intercom_assets.streams.base import noun_of
from intercom_assets.streams.beginning import begin
from intercom_assets.streams.records import Batch, Gone, Parent, Run
from intercom_assets.streams.refusals import OF_ONE_RECORD, Refusals, Refused, is_many
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.transform import Record
from intercom_assets.streams.whole import IncrementalStream
from intercom_assets.streams.work_queue import Family, WorkQueue
from intercom_assets.threads.overlap import overlap

logger = logging.getLogger(__name__)

# What is read within a minute of a change is read once more: Intercom may still have been at it.
SETTLED_AFTER = 60


class ChildStream(IncrementalStream):
    """All children of each changed parent, whatever the child's own time.

    A row carries its parent's id and, in `replication_key`, the parent's updated_at.

    Attributes:
        parent_id: The column that carries the parent's id, such as ``conversation_id``.
        parents: Only parents whose columns have these values.
        parent_columns: Columns of a parent that asking for its children takes.
        complete: Whether an answer holds all of a parent's children, so that those which it leaves
            out are gone.
        parents_a_call: For how many parents one call asks.
        asks_parent: Whether the call is for the parent itself, so that a 404 says that it is gone.
    """

    is_long = True
    parent_id: ClassVar[str]
    parents: ClassVar[Mapping[str, str]] = {}
    parent_columns: ClassVar[tuple[str, ...]] = ()
    complete: ClassVar[bool] = False
    parents_a_call: ClassVar[int] = 1
    asks_parent: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        if cls.parent:
            cls.replication_key = f"{noun_of(cls.parent_id)}_updated_at"
            cls.references = cls.references or {
                cls.parent_id: "id",
                cls.replication_key: "updated_at",
            }
            of_parent = [name for name in cls.references if name != cls.parent_id]
            cls.context_columns = tuple(dict.fromkeys([*cls.context_columns, *of_parent]))
            cls.unit = cls.parent.tap_stream_id
            cls.counted = (*cls.counted, f"{cls.unit} gone", f"{cls.unit} refused")
        super().__init_subclass__()

    def children(self, parent: Parent) -> Family:
        """Reads one parent's children.

        Raises:
            NotFound: When the parent is gone.
        """
        pages = list(self.pages_of(parent))
        fetched = replace(parent, fetched_at=pages[0].at)
        records = [record for page in pages for record in page.records]
        context = {self.parent_id: parent.id, str(self.replication_key): parent.updated_at}
        return Family(
            fetched, self.rows(fetched, records, context), sum(page.size for page in pages)
        )

    def families(self, parents: Sequence[Parent]) -> list[Family]:
        """Reads the children of as many parents as one call asks for.

        Raises:
            NotFound: When they are gone.
        """
        return [self.children(parent) for parent in parents]

    def pages_of(self, parent: Parent) -> Iterator[Page]:
        """The pages of one parent's children."""
        return self.read(self.path.format(id=parent.id))

    def rows(
        self, parent: Parent, records: Sequence[Any], context: Mapping[str, Any]
    ) -> list[Record]:
        """The children in regular form; what is none is left out, and told.

        Args:
            parent: Whose children they are.
            records: As Intercom sent them.
            context: What each tells of its parent.
        """
        kept = [{**record, **context} for record in records if isinstance(record, dict)]
        if len(kept) < len(records):
            logger.warning(
                "%s: %s of parent %s hold no record, and are left out",
                self.tap_stream_id,
                len(records) - len(kept),
                parent.id,
            )
            self.counts["empty records"] += len(records) - len(kept)
        return self.regular_records(kept)

    def batches(
        self,
        state: SyncState | None = None,
        run: Run | None = None,
        queue: WorkQueue | None = None,
    ) -> Iterator[Batch]:
        """Yields parents' children, each batch with the parents that it settles.

        Args:
            state: What is stored already.
            run: What this run wants.
            queue: The parents to ask for; None takes them from their own stream.
        """
        run = run or self.default_run()
        if queue is None:
            return self._of_stream(state, run)
        return self._of_queue(begin(state, run, self.client.server_time()), run, queue)

    def _of_stream(self, state: SyncState | None, run: Run) -> Iterator[Batch]:
        refusals = self._refusals(state or SyncState())
        stream = type(self).parent(self.client)  # type: ignore[misc]
        for page in stream.batches(state, run):
            parents = [
                Parent(
                    str(record["id"]),
                    parse_epoch(record.get("updated_at")) or 0,
                    columns={name: record.get(name) for name in self.parent_columns},
                )
                for record in page.records
                if all(record.get(name) == value for name, value in self.parents.items())
            ]
            for family in self._families(parents, refusals):
                # The page's state is true only once the children of all of it are stored.
                yield Batch(family.records, state or SyncState(since=run.since), family.size)
            state = _short_of(page.state, refusals)
            yield Batch([], state)
        refusals.judge()

    def _of_queue(self, state: SyncState, run: Run, queue: WorkQueue) -> Iterator[Batch]:
        refusals = self._refusals(state)
        # Asked before the first page: what arrives later is the next run's.
        end = queue.bookmark()
        unsettled = end
        asked, missing = 0, list[Gone]()
        for parents in queue.pages(run.since, SETTLED_AFTER, state.refresh):
            self.told[self.path], refusals.stored = queue.total, queue.stored
            # Pages ascend, so whatever is still outstanding is not older than this page.
            state = _up_to(state, min(parents[0].updated_at, unsettled))
            for family in self._families(parents, refusals):
                parent = family.parent
                if (parent.fetched_at or 0) < parent.updated_at + SETTLED_AFTER:
                    unsettled = min(unsettled, parent.updated_at)
                settled = () if family.problem else (parent,)
                asked += 1
                missing += [gone for gone in family.gone if gone.into is None]
                told = tuple(gone for gone in family.gone if gone.into is not None)
                yield Batch(family.records, state, family.size, fetched=settled, gone=told)
        if is_many(len(missing), asked):
            # A permission or a route that is lost looks like this, too. Feed and sweep tell better.
            logger.warning(
                "%d of %d %s that were asked for are not found: too many to take them for deleted",
                *(len(missing), asked, self.unit),
            )
            missing = []
        done = _short_of(_up_to(state, unsettled).with_outstanding(()), refusals)
        # A full refresh goes on with what could not be read.
        done = done if refusals.parents else replace(done, refresh=None)
        yield Batch([], done, gone=tuple(missing))
        refusals.judge()

    def _refusals(self, state: SyncState) -> Refusals:
        return Refusals(self.unit, not state.complete, known=len(state.outstanding))

    def _families(self, parents: list[Parent], refusals: Refusals) -> Iterator[Family]:
        size = self.parents_a_call
        groups = [parents[start : start + size] for start in range(0, len(parents), size)]
        tasks = (partial(self._read_families, group, refusals) for group in groups)
        workers = min(self.client.settings.max_concurrency, len(groups))
        for family in overlap(tasks, workers, lambda family: family.size):
            problem = family.problem
            refusals.count(Refused(family.parent, problem) if problem else None)
            yield family

    def _read_families(self, parents: Sequence[Parent], refusals: Refusals) -> list[Family]:
        try:
            return self.families(parents)
        except NotFound as problem:
            if self.optional and refusals.nothing_came and not self._gone(parents[0], problem):
                # Plan or version may lack it. Nothing is settled before there was one answer.
                return self._unread(parents, problem)
            # Deleted since they were listed. Rows that were stored before stay, marked or not.
            self.counts[f"{self.unit} gone"] += len(parents)
            now = self.now()
            return [
                Family(replace(parent, fetched_at=now), [], gone=self._gone(parent, problem))
                for parent in parents
            ]
        except OF_ONE_RECORD as problem:
            return self._unread(parents, problem)

    def _unread(self, parents: Sequence[Parent], problem: IntercomError) -> list[Family]:
        self.counts[f"{self.unit} refused"] += len(parents)
        return [Family(parent, [], problem=problem) for parent in parents]

    def _gone(self, parent: Parent, problem: NotFound) -> tuple[Gone, ...]:
        if not problem.is_merged and not self.asks_parent:
            return ()
        return (Gone(self.unit, parent.id, self.now(), problem.merged_into),)


def _up_to(state: SyncState, moment: int) -> SyncState:
    """The state in which everything before a moment is stored, and nothing else is known."""
    return replace(state, complete=(), walks=()).with_complete(state.since, moment)


def _short_of(state: SyncState, refusals: Refusals) -> SyncState:
    """The state in which what could not be read is outstanding, beside what is already."""
    return state.with_outstanding({*state.outstanding, *refusals.seconds})
