"""What every stream is: a declaration, and a generator of batches.

A batch is records together with the state that is true once those records are stored. Only the
stream knows what is safe to claim, so nobody else derives a state or a bookmark.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib import resources
from pkgutil import resolve_name
from typing import Any, ClassVar

from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import ConfigError, MalformedResponse
from intercom_assets.client.pagination import Page, list_pages
from intercom_assets.streams.records import Batch, Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import parse_epoch, to_iso
from intercom_assets.streams.transform import Record, RecordTransformer

logger = logging.getLogger(__name__)

FULL_TABLE = "FULL_TABLE"
INCREMENTAL = "INCREMENTAL"
# Intercom's clock is told in whole seconds, and by many machines.
CLOCK_TOLERANCE_SECONDS = 60


class BaseStream:
    """One of Intercom's collections.

    Args:
        client: Where to read from.
    """

    tap_stream_id: ClassVar[str]
    replication_method: ClassVar[str]
    replication_key: ClassVar[str | None] = None
    valid_replication_keys: ClassVar[list[str]] = []
    key_properties: ClassVar[list[str]] = ["id"]
    unique_by: ClassVar[list[str]] = []
    path: ClassVar[str]
    params: ClassVar[dict[str, Any]] = {}
    data_key: ClassVar[str | None] = None
    parent: ClassVar[type[BaseStream] | None] = None
    # Columns that are taken from a column of the parent.
    references: ClassVar[Mapping[str, str]] = {}
    # Where in Intercom's API reference the call is.
    docs_page: ClassVar[str]
    # What a reader of the log wants counted.
    unit: ClassVar[str] = "records"
    # What is counted while reading, so that a count of none is told as well.
    counted: ClassVar[tuple[str, ...]] = ()

    def __init__(self, client: IntercomClient) -> None:
        self.client = client
        self.counts: Counter[str] = Counter(dict.fromkeys(self.counted, 0))
        # How many records Intercom said there are to read, by where it said so.
        self.told: dict[Any, int] = {}

    @classmethod
    def unique_key(cls) -> list[str]:
        """What is unique in the table, where that is not what Singer calls the key."""
        return cls.unique_by or cls.key_properties

    @classmethod
    def load_schema(cls) -> dict[str, Any]:
        """The stream's JSON schema."""
        file = resources.files(__package__) / "schemas" / f"{cls.tap_stream_id}.json"
        schema: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return schema

    @cached_property
    def regular(self) -> RecordTransformer:
        """Brings this stream's records into regular form."""
        return RecordTransformer(self.load_schema())

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields what a run that starts from a state has to store.

        Args:
            state: What is stored already; None if nothing is.
            run: What this run wants; by default what the client's settings say.
        """
        raise NotImplementedError

    def get_records(
        self, bookmark_datetime: Any = None, is_parent: bool = False
    ) -> Iterator[Record]:
        """Iterates the stream's records without any warehouse.

        Args:
            bookmark_datetime: ISO 8601 date or date-time, or epoch: only records changed since then
                (streams that know no change dates give all); None is the settings' start date.
            is_parent: Accepted for the callers of Singer taps; makes no difference.

        Raises:
            ConfigError: When the bookmark is no point in time.
        """
        since = self._since(bookmark_datetime)
        for batch in self.batches(None, Run(since=since, lookback=0)):
            yield from (record for record in batch.records if self.is_wanted(record, since))

    def sync(
        self,
        state: dict[str, Any],
        stream_schema: dict[str, Any],
        stream_metadata: Any,
        config: Mapping[str, Any],
        transformer: Any,
    ) -> dict[str, Any]:
        """Writes the stream as Singer messages to stdout.

        Args:
            state: Singer state with ``bookmarks``.
            stream_schema: The catalog's JSON schema.
            stream_metadata: The catalog's metadata, as a list or as `singer.metadata.to_map` gives.
            config: The tap's configuration; ``start_date`` counts where there is no bookmark.
            transformer: A `singer.Transformer` in whatever date mode.

        Returns:
            The state with this stream's new bookmark.
        """
        # Looked up by name: the wing that writes messages stands above this one.
        write_stream = resolve_name("intercom_assets.singer.messages:write_stream")
        written: dict[str, Any] = write_stream(
            self, state, stream_schema, stream_metadata, config, transformer
        )
        return written

    def default_run(self) -> Run:
        """A run as the client's settings describe it."""
        settings = self.client.settings
        return Run(since=settings.start, lookback=int(settings.lookback))

    def _since(self, bookmark: Any) -> int:
        if bookmark in (None, ""):
            return self.client.settings.start
        since = parse_epoch(bookmark)
        if since is None:
            raise ConfigError(f"{bookmark!r} is no date: write e.g. 2024-01-31T00:00:00Z")
        return since

    def is_wanted(self, record: Record, since: int) -> bool:
        """Whether a record changed since a moment, epoch seconds; one that does not say counts."""
        if not self.replication_key:
            return True
        changed = parse_epoch(record.get(self.replication_key))
        return changed is None or changed >= since

    def _regular_records(self, records: Iterable[Mapping[str, Any]]) -> list[Record]:
        """Records in regular form.

        Raises:
            MalformedResponse: When one lacks its key and so could not be stored.
        """
        regular = [self.regular(record) for record in records]
        if self.replication_method == INCREMENTAL:
            for record in regular:
                for key in self.key_properties:
                    if record.get(key) is None:
                        raise MalformedResponse(f"a record of {self.tap_stream_id} has no {key}")
        return regular


class FullTableStream(BaseStream):
    """A list that Intercom always gives whole and that knows no change dates."""

    replication_method = FULL_TABLE

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields the whole list; whoever stores it replaces what was there."""
        for page in self.pages():
            yield Batch(self._regular_records(page.records), SyncState(), page.size)

    def pages(self) -> Iterator[Page]:
        """The list's pages."""
        return list_pages(self.client, self.path, self.params, key=self.data_key)


class IncrementalStream(BaseStream):
    """A list whose records say when they changed.

    This class serves lists that can only be read whole: every record is yielded, because counts in
    it change without its updated_at, and `get_records` and the tap leave out what is older.
    """

    replication_method = INCREMENTAL
    replication_key = "updated_at"
    valid_replication_keys: ClassVar[list[str]] = ["updated_at"]

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields every record, then the state that claims all up to the start of the run."""
        run = run or self.default_run()
        started = self.client.server_time()
        state = begin(state, run, started)
        for page in self.pages():
            if page.total is not None:
                self.told[self.path] = page.total
            yield Batch(self._regular_records(page.records), state, page.size)
        end = min(started, self.client.server_time())
        done = SyncState(since=run.since).with_complete(run.since, end)
        yield Batch([], done, sweep=state.refresh is not None)

    def pages(self) -> Iterator[Page]:
        """The list's pages."""
        return list_pages(self.client, self.path, self.params, key=self.data_key)


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
    return SyncState(
        since=run.since, complete=state.complete, walks=state.walks, refresh=state.refresh
    )
