"""Lists inside a record that Intercom cuts off at ten items, completed from their own routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from intercom_assets.client.errors import NotFound
from intercom_assets.client.pagination import list_pages
from intercom_assets.streams.base import BaseStream
from intercom_assets.streams.transform import Record
from intercom_assets.threads.overlap import overlap

PAGE_SIZE = 60
LISTS_AT_ONCE = 16


@dataclass(frozen=True)
class Sublist:
    """Where the rest of a list is.

    Attributes:
        path: The route, with ``{id}`` for the record's id.
        consent: Only items with this ``consent_type``.
    """

    path: str
    consent: str | None = None


def complete(
    stream: BaseStream, records: Sequence[Record], sublists: Mapping[str, Sublist]
) -> None:
    """Puts whole lists in place of those that Intercom cut off.

    Args:
        stream: Whose records they are.
        records: As Intercom sent them.
        sublists: Where the rest is, by field.
    """
    cut = [(record, field) for record in records for field in sublists if is_cut(record.get(field))]
    if not cut:
        return
    tasks = (partial(_complete, stream, record, field, sublists[field]) for record, field in cut)
    workers = stream.client.pacer.worthwhile(min(LISTS_AT_ONCE, len(cut)))
    for found in overlap(tasks, workers):
        stream.counts["lists completed" if found else "records gone"] += 1


def is_cut(value: Any) -> bool:
    """Whether Intercom shows only the first items of a list."""
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        return False
    total = value.get("total_count")
    return bool(value.get("has_more")) or (isinstance(total, int) and total > len(value["data"]))


def _complete(stream: BaseStream, record: Record, field: str, sublist: Sublist) -> list[bool]:
    path = sublist.path.format(id=record["id"])
    pages = list_pages(stream.client, path, {"per_page": PAGE_SIZE}, key="data")
    try:
        items = [item for page in pages for item in page.records]
    except NotFound:
        # The record was deleted or merged since it was listed: what the list gave stands.
        return [False]
    if sublist.consent:
        items = [item for item in items if item.get("consent_type") == sublist.consent]
    record[field] = {"type": "list", "data": items}
    return [True]
