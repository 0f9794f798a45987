"""Intercom's streams: what to call, what identifies a record, and what is safe to remember.

This package knows neither Dagster nor DuckDB::

    from intercom_assets.client import IntercomClient
    from intercom_assets.streams import STREAMS

    client = IntercomClient(config={"access_token": "..."})
    for contact in STREAMS["contacts"](client).get_records("2024-01-01T00:00:00Z"):
        ...

Each stream is a class in `collections`.
"""

from intercom_assets.streams.base import FULL_TABLE, GROUPS, INCREMENTAL, BaseStream
from intercom_assets.streams.children import ChildStream
from intercom_assets.streams.collections import declared
from intercom_assets.streams.nested import NestedStream
from intercom_assets.streams.records import Batch, Parent, Run
from intercom_assets.streams.whole import FullTableStream, IncrementalStream
from intercom_assets.streams.work_queue import WorkQueue

STREAMS: dict[str, type[BaseStream]] = declared()

__all__ = [
    "FULL_TABLE",
    "GROUPS",
    "INCREMENTAL",
    "STREAMS",
    "BaseStream",
    "Batch",
    "ChildStream",
    "FullTableStream",
    "IncrementalStream",
    "NestedStream",
    "Parent",
    "Run",
    "WorkQueue",
]
