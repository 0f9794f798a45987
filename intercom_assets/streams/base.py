"""What every stream is: a declaration, and a generator of batches.

A batch is records together with the state that is true once those records are stored. Only the
stream knows what is safe to claim, so nobody else derives a state or a bookmark.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import resources
from pkgutil import resolve_name
from typing import Any, ClassVar, Protocol

from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import ConfigError, MalformedResponse
from intercom_assets.client.pagination import Page, list_pages
from intercom_assets.streams.chart import Chart
from intercom_assets.streams.judging import check_values, tell
from intercom_assets.streams.optional_fields import OptionalFields, begun
from intercom_assets.streams.records import Batch, Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import parse_epoch, to_iso
from intercom_assets.streams.transform import Record, RecordTransformer

logger = logging.getLogger(__name__)

FULL_TABLE = "FULL_TABLE"
INCREMENTAL = "INCREMENTAL"
PEOPLE, SUPPORT, WORKSPACE, CONTENT = GROUPS = ("people", "support", "workspace", "content")
# Intercom's clock is told in whole seconds, and by many machines.
CLOCK_TOLERANCE_SECONDS = 60


class Inner(Protocol):
    """A stream whose records stand inside another one's, see `NestedStream`."""

    tap_stream_id: ClassVar[str]

    def taken_from(self, parent: Record) -> list[Record] | None:
        """The records of a parent, which it loses; None if it holds none."""


class BaseStream:
    """One of Intercom's collections, declared by attributes.

    A subclass of a family (`FullTableStream`, `SearchStream`, `ChildStream`, ...) sets those that
    differ. CONTRIBUTING's "Adding a stream" shows one of each kind.

    Args:
        client: Where to read from.

    Attributes:
        tap_stream_id: Name of the stream and of its table.
        group: PEOPLE, SUPPORT, WORKSPACE or CONTENT.
        default: Whether it belongs to the streams that are read unless somebody chooses.
        optional: Whether plan, feature, API version or scope may lack it, which then is told and
            leaves the run green.
        since: The API version that has it, if not all have: its calls ask for that one where the
            settings name an older one.
        path: What to GET; ``{id}`` stands for the parent's id.
        params: Query parameters, such as a page size. How a list goes on its answers say.
        optionals: Parameters for fields that are given on demand, by the name of the setting's
            `optional_fields` that stands for them.
        expected: Values that every record has if Intercom heeds the parameters.
        data_key: What the answer calls its records.
        key_properties: Columns that identify a record.
        unique_by: What is unique in the table, where that is not what Singer calls the key.
        replication_key: When a record last changed.
        parent: The stream that this one's records belong to.
        references: Columns that are taken from a column of the parent.
        context_columns: Columns about the parent rather than the record: kept up to date, but a
            record that differs in nothing else counts as unchanged.
        docs_page: Where in Intercom's API reference the call is.
        plain: Text columns without personal data, parted by blanks: previews show them. Numbers,
            booleans and times have none.
        bodies: What people wrote, as columns or paths into them: `drop_bodies` leaves it out.
        chart: A picture of the table.
        unit: What a reader of the log wants counted.
        counted: What is counted while reading, so that a count of none is told as well.
        is_long: Whether a first load takes long, so that it had better begin before others.
    """

    tap_stream_id: ClassVar[str]
    group: ClassVar[str]
    default: ClassVar[bool] = True
    optional: ClassVar[bool] = True
    since: ClassVar[str | None] = None
    path: ClassVar[str]
    params: ClassVar[Mapping[str, Any]] = {}
    optionals: ClassVar[Mapping[str, str]] = {}
    expected: ClassVar[Mapping[str, Any]] = {}
    data_key: ClassVar[str | None] = None
    key_properties: ClassVar[list[str]] = ["id"]
    unique_by: ClassVar[list[str]] = []
    replication_method: ClassVar[str]
    replication_key: ClassVar[str | None] = None
    valid_replication_keys: ClassVar[list[str]] = []
    parent: ClassVar[type[BaseStream] | None] = None
    references: ClassVar[Mapping[str, str]] = {}
    context_columns: ClassVar[tuple[str, ...]] = ()
    docs_page: ClassVar[str]
    plain: ClassVar[str] = ""
    bodies: ClassVar[tuple[str, ...]] = ()
    chart: ClassVar[Chart | None] = None
    unit: ClassVar[str] = "records"
    counted: ClassVar[tuple[str, ...]] = ()
    is_long: ClassVar[bool] = False
    # Streams whose records are inside this one's: they say so themselves.
    nested: ClassVar[tuple[type[BaseStream], ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.replication_key:
            cls.valid_replication_keys = [cls.replication_key]

    def __init__(self, client: IntercomClient) -> None:
        self.client = client.speaking(self.since) if self.since else client
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

    @cached_property
    def optional_fields(self) -> OptionalFields:
        """What to ask for besides."""
        return OptionalFields(self.optionals, self.client.settings.optional_fields)

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

    def pages(self) -> Iterator[Page]:
        """The list's pages."""
        return self.read(self.path)

    def read(self, path: str, **params: Any) -> Iterator[Page]:
        """The pages of a list that is like this stream's.

        Args:
            path: What to GET.
            **params: Query parameters beside the declared ones.
        """

        def ask(optional: Mapping[str, str]) -> Iterator[Page]:
            asked = {**self.params, **optional, **params}
            return begun(list_pages(self.client, path, asked, key=self.data_key, check=self.check))

        for page in self.optional_fields.asked(ask):
            tell(page, self.counts, self.tap_stream_id)
            yield page

    def check(self, page: Page) -> None:
        """Refuses a page that does not answer what was asked.

        Raises:
            WrongAnswer: When it does not heed the parameters.
        """
        check_values(page, self.expected, self.path)

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

    def batch(self, page: Page, state: SyncState) -> Batch:
        """A page's records with a state, and with what is nested in them."""
        records, nested = self.taken_apart(page.records)
        return Batch(records, state, page.size, nested=nested)

    def taken_apart(
        self, records: Sequence[Record]
    ) -> tuple[list[Record], dict[str, list[Record]]]:
        """Records in regular form, and those that were nested in them, by their stream."""
        nested: dict[str, list[Record]] = {}
        for stream in self._inner:
            rows = nested[stream.tap_stream_id] = []
            for record in records:
                taken = stream.taken_from(record)
                if taken is None:
                    self.counts[f"{stream.tap_stream_id} not found"] += 1
                rows += taken or ()
        return self.regular_records(records), nested

    @cached_property
    def _inner(self) -> list[Inner]:
        return self.inner_streams()

    def inner_streams(self) -> list[Any]:
        """The streams whose records stand inside this one's; their calls are this one's."""
        return [stream(self.client.counting_anew()) for stream in self.nested]

    def regular_records(self, records: Iterable[Mapping[str, Any]]) -> list[Record]:
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


def noun_of(parent_id: str) -> str:
    """What a parent is called by the column that carries its id."""
    return parent_id.removesuffix("_id")


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
