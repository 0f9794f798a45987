"""Lists that are read whole: those that say when a record changed, and those that do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import ClassVar

from intercom_assets.client.errors import MalformedResponse, NotFound, UnusableAnswer
from intercom_assets.client.pagination import Page
from intercom_assets.streams.base import FULL_TABLE, INCREMENTAL, BaseStream
from intercom_assets.streams.beginning import begin
from intercom_assets.streams.records import Batch, Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.transform import Record
from intercom_assets.threads.overlap import overlap


class FullTableStream(BaseStream):
    """A list that Intercom always gives whole and that knows no change dates."""

    replication_method = FULL_TABLE

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields the whole list; whoever stores it replaces what was there."""
        for page in self.pages():
            self.hear(page)
            yield self.batch(page, SyncState())


class IncrementalStream(BaseStream):
    """A list whose records say when they changed.

    This class serves lists that can only be read whole: every record is yielded, because counts in
    it change without its updated_at, and `get_records` and the tap leave out what is older.

    Attributes:
        append: Whether records only ever come: a full refresh then removes none.
    """

    replication_method = INCREMENTAL
    replication_key = "updated_at"
    append: ClassVar[bool] = False

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields every record, then the state that claims all up to the start of the run.

        So each run that comes to its end knows what is gone, as a full refresh does.
        """
        run = run or self.default_run()
        started = self.client.server_time()
        state = begin(state, run, started)
        if not self.append:
            # What an earlier run met that did not come to its end may be gone since.
            state = replace(state, refresh=started)
        for page in self.pages():
            self.hear(page)
            yield self.batch(page, state)
        end = min(started, self.client.server_time())
        done = SyncState(since=run.since).with_complete(run.since, end)
        yield Batch([], done, sweep=not self.append)


class EveryParent(BaseStream):
    """A call for each parent of a list, concurrently.

    Attributes:
        parent_id: The column that carries the parent's id.
    """

    parent_id: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.parent:
            cls.references = cls.references or {cls.parent_id: "id"}
            cls.counted = (*cls.counted, f"{cls.parent.tap_stream_id} gone")

    def pages(self) -> Iterator[Page]:
        """The children's pages, parent by parent.

        Raises:
            MalformedResponse: When the list names a parent without an id.
            NotFound: When none of the parents has such children: plan or version may lack them.
        """
        parents = type(self).parent(self.client)  # type: ignore[misc]
        listed = [record for page in parents.pages() for record in page.records]
        if any(record.get("id") is None for record in listed):
            raise MalformedResponse(
                f"a record of {parents.tap_stream_id} has no id", call=f"GET {parents.path}"
            )
        workers = min(self.client.settings.max_concurrency, len(listed))
        absent: list[NotFound] = []
        yield from overlap((partial(self._children, parent, absent) for parent in listed), workers)
        if listed and len(absent) == len(listed):
            raise absent[-1]

    def hear(self, page: Page) -> None:
        """Adds up what the first page of each parent's children tells."""
        if page.total is not None:
            self.told[self.path] = self.total = (self.total or 0) + page.total

    def unreadable(self, parent: Record, problem: UnusableAnswer) -> list[Page]:
        """What stands for children that come as no records each time.

        Raises:
            UnusableAnswer: The problem, for without them the table would lose what it has.
        """
        raise problem

    def _children(self, parent: Record, absent: list[NotFound]) -> list[Page]:
        id = str(parent["id"])
        try:
            pages = list(self.read(self.path.format(id=id)))
        except NotFound as problem:
            # Removed since the list of parents was read.
            absent.append(problem)
            self.counts[f"{type(self).parent.tap_stream_id} gone"] += 1  # type: ignore[union-attr]
            return []
        except UnusableAnswer as problem:
            pages = self.unreadable(parent, problem)
        for page in pages:
            for record in page.records:
                record[self.parent_id] = id
        return [replace(page, total=None if n else page.total) for n, page in enumerate(pages)]


class ChildTableStream(EveryParent, FullTableStream):
    """The children of every parent, read whole."""
