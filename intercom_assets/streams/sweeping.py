"""A sweep: which records are there, and nothing else of them.

No search and no list tells what is gone. A sweep reads the records' own pages only, no list that
Intercom cut and no children, so it costs a call for each page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from intercom_assets.streams.base import BaseStream
from intercom_assets.streams.records import Batch, Run
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.state import SyncState


def can_sweep(stream: BaseStream, state: SyncState | None) -> bool:
    """Whether a sweep makes sense: not before everything was read, nor while it is read anew."""
    return stream.swept and state is not None and bool(state.complete) and state.refresh is None


def calls_for(stream: BaseStream, rows: int) -> int:
    """About how many calls it takes to meet so many records."""
    searched = stream.client.settings.page_size if isinstance(stream, SearchStream) else 100
    return -(-rows // int(stream.params.get("per_page", searched)))


def sweep(stream: BaseStream, state: SyncState, run: Run) -> Iterator[Batch]:
    """Yields the keys of all records that there are, and then the end of the sweep.

    Args:
        stream: Whose records are looked for.
        state: What is stored; a sweep changes nothing about it.
        run: What this run wants.
    """
    stream.only_keys = True
    met = stream.client.server_time()
    for batch in stream.batches(None, replace(run, full_refresh=True)):
        gone = (*batch.gone, *stream.gone_by(batch.records))
        keys = [{name: record[name] for name in stream.key_properties} for record in batch.records]
        yield Batch(keys, state, batch.size, sweep=batch.sweep, gone=gone, met=met)
