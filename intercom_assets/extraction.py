"""A stream about to be read: what an asset hands to the IO manager."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import dagster as dg

from intercom_assets.observability.presentation import Presentation, presentation_of
from intercom_assets.streams import (
    INCREMENTAL,
    STREAMS,
    BaseStream,
    Batch,
    ChildStream,
    IncrementalStream,
    NestedStream,
    Run,
    WorkQueue,
)
from intercom_assets.streams.privacy import Privacy
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.sweeping import can_sweep, sweep
from intercom_assets.warehouse.spec import MARK, TableSpec


@cache
def _children() -> Mapping[str, Mapping[str, str]]:
    """The tables that hang on others, and their columns of the others' ids.

    Those that are replaced as a whole are not among them: each read tells what of them is gone. Nor
    is what only ever grows: it has happened, whatever became of whom it happened to.
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name, stream in STREAMS.items():
        if stream.parent and issubclass(stream, (IncrementalStream, NestedStream)):
            if getattr(stream, "append", False):
                continue
            column = next((own for own, of in stream.references.items() if of == "id"), None)
            if column:
                found[stream.parent.tap_stream_id][name] = column
    return found


class Extraction:
    """A stream with what one run wants of it. Iterates batches; nothing is read before that.

    Args:
        stream: Where to read from.
        run: What this run wants.
        allow_empty: Whether an empty answer may empty a table that has rows.
        allow_shrink: Whether a full refresh may remove more than a fifth of a table.
        privacy: What is left out before anything is stored.
        on_delete: What becomes of rows that are gone at the source: MARK or REMOVE.
        history: Streams of whose rows each version is kept.
        asset_keys: The assets of all streams by name, for the lineage of columns.

    Attributes:
        nested: Extractions of the streams whose records come inside this one's.
        landed: Metadata of the table, once everything is stored.
        began: When the reading began by the source's clock, epoch seconds.
    """

    def __init__(
        self,
        stream: BaseStream,
        run: Run | None = None,
        *,
        allow_empty: bool = False,
        allow_shrink: bool = False,
        privacy: Privacy | None = None,
        on_delete: str = MARK,
        history: Collection[str] = (),
        asset_keys: Mapping[str, dg.AssetKey] | None = None,
    ) -> None:
        self.stream = stream
        self.run = run or stream.default_run()
        self.allow_empty = allow_empty
        self.allow_shrink = allow_shrink
        self.redaction = (privacy or Privacy()).of(type(stream))
        self.on_delete = on_delete
        self.has_history = stream.tap_stream_id in history
        self.nested = [
            Extraction(inner, self.run, privacy=privacy, on_delete=on_delete)
            for inner in stream.inner_streams()
        ]
        self.landed: dict[str, Any] | None = None
        self.asset_keys = asset_keys or {}
        self.began = 0.0

    @cached_property
    def table(self) -> TableSpec:
        """The table that the records belong in."""
        stream = self.stream
        # Two reads of a list that is always read whole are told apart by their content.
        versioned = isinstance(stream, (SearchStream, ChildStream, NestedStream))
        is_whole = type(stream).batches is IncrementalStream.batches
        return TableSpec(
            key=tuple(stream.key_properties),
            schema=self.redaction.schema(stream.load_schema()),
            replace=stream.replication_method != INCREMENTAL,
            version=stream.replication_key if versioned else None,
            context=stream.context_columns,
            # What is read whole is read from its beginning, whatever the start date.
            moment=None if is_whole else stream.replication_key,
            on_delete=self.on_delete,
            merged=stream.merged,
            children=_children(),
            history=self.has_history,
            **self._queue_of(stream),
        )

    @staticmethod
    def _queue_of(stream: BaseStream) -> dict[str, Any]:
        """Which rows of its parent's table a stream asks for the children of."""
        if not isinstance(stream, ChildStream) or not stream.parent:
            return {}
        return {
            "parent": stream.parent.tap_stream_id,
            "parents": stream.parents,
            "parent_columns": stream.parent_columns,
            "family": stream.parent_id if stream.complete else None,
        }

    @property
    def source(self) -> str:
        """The workspace that the records come from."""
        return self.stream.client.workspace_id

    @property
    def presentation(self) -> Presentation:
        """How the table shows itself."""
        return presentation_of(type(self.stream))

    def now(self) -> float:
        """The source's clock, epoch seconds."""
        return self.stream.client.clock.time()

    def batches(
        self, state: SyncState | None = None, queue: WorkQueue | None = None
    ) -> Iterator[Batch]:
        """What has to be stored, from a state on.

        Args:
            state: What is stored already.
            queue: Parents whose children are outstanding, for a stream that has a parent table.
        """
        stream = self.stream
        self.began = float(stream.client.server_time())
        if state is not None and self.sweeps(state):
            batches = sweep(stream, state, self.run)
        elif isinstance(stream, ChildStream):
            batches = stream.batches(state, self.run, queue)
        else:
            batches = stream.batches(state, self.run)
        return map(self._redacted, batches)

    def sweeps(self, state: SyncState | None) -> bool:
        """Whether this run finds out what is gone, and nothing else."""
        return self.run.sweep and can_sweep(self.stream, state)

    def _redacted(self, batch: Batch) -> Batch:
        batch = replace(batch, gone=(*batch.gone, *self.stream.gone_by(batch.records)))
        nested = {
            inner.stream.tap_stream_id: inner.redaction.records(
                batch.nested.get(inner.stream.tap_stream_id, [])
            )
            for inner in self.nested
        }
        return self.redaction.batch(replace(batch, nested=nested) if nested else batch)

    @property
    def all(self) -> list[Extraction]:
        """This extraction, and those of what is nested in its records."""
        return [self, *self.nested]

    def key_of(self, inner: Extraction, own: dg.AssetKey) -> dg.AssetKey:
        """The asset of a nested extraction, which is beside this one's unless somebody said so."""
        name = inner.stream.tap_stream_id
        return self.asset_keys.get(name) or dg.AssetKey([*own.path[:-1], name])

    @property
    def unit(self) -> str:
        """What `done` counts."""
        return self.stream.unit

    def done(self, batch: Batch) -> int:
        """How much of what has to be read a batch is."""
        return len(batch.fetched if self.table.parent else batch.records)

    def expected(self) -> int | None:
        """How much has to be read in all, as far as anybody knows."""
        return sum(self.stream.told.values()) or None

    def __iter__(self) -> Iterator[Batch]:
        return self.batches()
