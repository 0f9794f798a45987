"""The metadata on assets, materializations and observations, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

import dagster as dg

# What Dagster's integrations declare their keys with; `dagster` itself does not export it.
from dagster._core.definitions.metadata.metadata_set import NamespacedMetadataSet


class IntercomMetadataSet(NamespacedMetadataSet):
    """All that an event tells, of whatever asset or job, each key with ``intercom/`` in front.

    Streams count further things, such as ``intercom/conversations_gone``, see `counts_of`.

    Attributes:
        stream: Of an asset itself: the stream, and so its table's name, whatever its key.
        records: Records that were read.
        inserted: Rows that were new.
        updated: Rows whose content changed.
        unchanged: Records that the table held already.
        deleted: Rows that went: were marked as gone, or removed.
        rows_gone: Rows in the table that are marked as gone; ``dagster/row_count`` leaves them out.
        calls: Requests that it took.
        seconds: From the step's turn to the end of storing.
        lag_seconds: How far the bookmark is behind Intercom's clock.
        bookmark: Up to where the table is complete, ISO 8601 in UTC.
        bookmark_before: The same before the run.
        preview: A few rows that changed last.
        chart: A picture of the table.
        new_columns: Columns that a field was the first to need.
        widened_columns: Columns whose type became wider, and what it became.
        unparsed_values: Values that did not fit their column and are kept in ``_unparsed``, by
            field.
        renamed_columns: Fields whose name was taken, and their columns.
        dropped_fields: What was left out for privacy.
        hashed_fields: Of what only a hash was stored.
        reference: Where Intercom documents the call.
        call: The call that failed.
        status: HTTP status of the failure.
        code: What Intercom calls the failure.
        request_id: By what Intercom finds the failure.
        built: Of a model: whether all rows were made, or only what changed.
        period: Of the report: its days.
        figures: Of the report: what it says, as a table.
        page: Of the report: where its page is.
        removed: Of an erasure: rows that went, by table.
        redacted: Of an erasure: rows that stay without the person, by table.
        namesakes: Of an erasure: other contacts with an email of theirs.
        dry_run: Of an erasure: whether it was undone.
    """

    # Not `str | None`, which Dagster 1.12 cannot take apart.
    stream: Optional[str] = None
    records: Optional[int] = None
    inserted: Optional[int] = None
    updated: Optional[int] = None
    unchanged: Optional[int] = None
    deleted: Optional[int] = None
    rows_gone: Optional[int] = None
    calls: Optional[int] = None
    seconds: Optional[float] = None
    lag_seconds: Optional[float] = None
    bookmark: Optional[str] = None
    bookmark_before: Optional[str] = None
    preview: Optional[dg.MarkdownMetadataValue] = None
    chart: Optional[dg.MarkdownMetadataValue] = None
    new_columns: Optional[dg.JsonMetadataValue] = None
    widened_columns: Optional[dg.JsonMetadataValue] = None
    unparsed_values: Optional[dg.JsonMetadataValue] = None
    renamed_columns: Optional[dg.JsonMetadataValue] = None
    dropped_fields: Optional[dg.JsonMetadataValue] = None
    hashed_fields: Optional[dg.JsonMetadataValue] = None
    reference: Optional[dg.UrlMetadataValue] = None
    call: Optional[str] = None
    status: Optional[int] = None
    code: Optional[str] = None
    request_id: Optional[str] = None
    built: Optional[str] = None
    period: Optional[str] = None
    figures: Optional[dg.MarkdownMetadataValue] = None
    page: Optional[dg.PathMetadataValue] = None
    removed: Optional[dg.JsonMetadataValue] = None
    redacted: Optional[dg.JsonMetadataValue] = None
    namesakes: Optional[dg.JsonMetadataValue] = None
    dry_run: Optional[bool] = None

    @classmethod
    def namespace(cls) -> str:
        """What stands in front of each key."""
        return "intercom"


def key_of(name: str) -> str:
    """The key of something that a stream counts, such as ``conversations gone``."""
    return f"{IntercomMetadataSet.namespace()}/{name.replace(' ', '_')}"


def counts_of(counts: Mapping[str, int]) -> dict[str, int]:
    """What a stream counts, by key."""
    return {key_of(name): count for name, count in counts.items()}


# Keys that are read again, or are Dagster's own.
STREAM = key_of("stream")
BOOKMARK = key_of("bookmark")
INSERTED = key_of("inserted")
UPDATED = key_of("updated")
SECONDS = key_of("seconds")
ROW_COUNT = "dagster/row_count"
TABLE_NAME = "dagster/table_name"
COLUMN_SCHEMA = "dagster/column_schema"
COLUMN_LINEAGE = "dagster/column_lineage"
