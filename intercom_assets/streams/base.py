"""What every stream is: a declaration, and a generator of batches.

A batch is records together with the state that is true once those records are stored. Only the
stream knows what is safe to claim, so nobody else derives a state or a bookmark.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import MalformedResponse
from intercom_assets.client.pagination import Page, list_pages
from intercom_assets.streams.chart import Chart
from intercom_assets.streams.judging import check_values, tell
from intercom_assets.streams.optional_fields import OptionalFields, begun
from intercom_assets.streams.reader import Reader
from intercom_assets.streams.records import Batch, Gone, Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.transform import Record, RecordTransformer

FULL_TABLE = "FULL_TABLE"
INCREMENTAL = "INCREMENTAL"
PEOPLE, SUPPORT, WORKSPACE, CONTENT = GROUPS = ("people", "support", "workspace", "content")


class Inner(Protocol):
    """A stream whose records stand inside another one's, see `NestedStream`."""

    tap_stream_id: ClassVar[str]

    def taken_from(self, parent: Record) -> list[Record] | None:
        """The records of a parent, which it loses; None if it holds none."""


class BaseStream(Reader):
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
        personal: What else may tell of the only contact of a record, likewise: it goes when that
            contact is erased.
        contact_columns: Columns of the id of the contact whom a record is about: it goes with them.
        shared_by: Column of the contacts who have a record together.
        chart: A picture of the table.
        unit: What a reader of the log wants counted.
        counted: What is counted while reading, so that a count of none is told as well.
        tells_total: Whether Intercom tells how many there are.
        is_long: Whether a first load takes long, so that it had better begin before others.
        merged: Whether records can be merged into others of their stream.
        swept: Whether a sweep looks which records are gone, see `sweeping`.
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
    valid_replication_keys: ClassVar[list[str]] = []
    parent: ClassVar[type[BaseStream] | None] = None
    references: ClassVar[Mapping[str, str]] = {}
    context_columns: ClassVar[tuple[str, ...]] = ()
    docs_page: ClassVar[str]
    plain: ClassVar[str] = ""
    bodies: ClassVar[tuple[str, ...]] = ()
    personal: ClassVar[tuple[str, ...]] = ()
    contact_columns: ClassVar[tuple[str, ...]] = ()
    shared_by: ClassVar[str | None] = None
    chart: ClassVar[Chart | None] = None
    unit: ClassVar[str] = "records"
    counted: ClassVar[tuple[str, ...]] = ()
    is_long: ClassVar[bool] = False
    tells_total: ClassVar[bool] = False
    merged: ClassVar[bool] = False
    swept: ClassVar[bool] = False
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
        # The same, if this run reads all that there are.
        self.total: int | None = None

    @classmethod
    def unique_key(cls) -> list[str]:
        """What is unique in the table, where that is not what Singer calls the key."""
        return cls.unique_by or cls.key_properties

    @classmethod
    def load_schema(cls) -> dict[str, Any]:
        """The stream's JSON schema."""
        file = Path(__file__).with_name("schemas") / f"{cls.tap_stream_id}.json"
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

    def hear(self, page: Page) -> None:
        """Remembers how many records there are, if a page tells, in a read of all of them."""
        if page.total is not None:
            self.told[self.path] = self.total = page.total

    def check(self, page: Page) -> None:
        """Refuses a page that does not answer what was asked.

        Raises:
            WrongAnswer: When it does not heed the parameters.
        """
        check_values(page, self.expected, self.path)

    def now(self) -> int:
        """Intercom's clock, epoch seconds."""
        return int(self.client.clock.time())

    def gone_by(self, records: Iterable[Record]) -> Iterator[Gone]:
        """What records tell of others that are gone.

        Args:
            records: In regular form.
        """
        return iter(())

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
