"""Lists inside a record that Intercom cuts off at ten items, completed from their own routes.

An item of such a list always has ``id``, ``type`` and ``url``, as Intercom embeds it. What the
list's own route gives besides (a tag's name, a note's body) is kept in the item, where a list had
to be completed. What could not be completed stays as it was cut, ``has_more`` and ``total_count``
included, is counted, and named in the log; a record whose list was refused is read again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from intercom_assets.client.errors import (
    IncompleteAnswer,
    MalformedResponse,
    NotFound,
)
from intercom_assets.client.pagination import list_pages
from intercom_assets.streams.base import BaseStream
from intercom_assets.streams.records import Gone, Parent
from intercom_assets.streams.refusals import OF_ONE_RECORD, Refused
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.transform import Record, is_cut, list_in, told_total
from intercom_assets.threads.overlap import overlap

logger = logging.getLogger(__name__)

PAGE_SIZE = 60
LISTS_AT_ONCE = 16
COMPLETED, CUT, GONE = "lists completed", "lists cut short", "records gone"
REFUSED = "lists refused"
# For a stream's `counted`.
COUNTED = (COMPLETED, CUT, GONE, REFUSED)


@dataclass(frozen=True)
class Sublist:
    """Where the rest of a list is.

    Attributes:
        path: The route, with ``{id}`` for the record's id.
        consent: Only items with this ``consent_type``.
    """

    path: str
    consent: str | None = None


class Asked(NamedTuple):
    """A list that its own route was asked for.

    Attributes:
        outcome: One of `COUNTED`.
        refused: Why it could not be read, if it could not.
        gone: The record, if it was merged into another one since it was listed.
    """

    outcome: str
    refused: Refused | None = None
    gone: tuple[Gone, ...] = ()


def complete(
    stream: BaseStream, records: Sequence[Record], sublists: Mapping[str, Sublist]
) -> list[Asked]:
    """Puts whole lists in place of those that Intercom cut off.

    Args:
        stream: Whose records they are.
        records: As Intercom sent them, or in regular form, where an envelope that is left is of a
            list that was cut.
        sublists: Where the rest is, by field.

    Returns:
        What was asked for.

    Raises:
        MalformedResponse: When a record whose list is cut has no id to ask by.
    """
    cut = [(record, field) for record in records for field in sublists if is_cut(record.get(field))]
    if not cut or stream.only_keys:
        return []
    if any(record.get("id") is None for record, _ in cut):
        raise MalformedResponse(f"a record of {stream.tap_stream_id} has no id")
    tasks = (partial(_complete, stream, record, field, sublists[field]) for record, field in cut)
    workers = stream.client.pacer.worthwhile(min(LISTS_AT_ONCE, len(cut)))
    asked = list(overlap(tasks, workers))
    stream.counts.update(each.outcome for each in asked)
    return asked


def _complete(stream: BaseStream, record: Record, field: str, sublist: Sublist) -> list[Asked]:
    try:
        return [Asked(_completed(stream, record, field, sublist))]
    except NotFound as problem:
        # The record was deleted or merged since it was listed: what the list gave stands.
        ident, into = str(record["id"]), problem.merged_into
        merged = Gone(stream.tap_stream_id, ident, stream.now(), into)
        return [Asked(GONE, gone=(merged,) if problem.is_merged else ())]
    except OF_ONE_RECORD as problem:
        of = Parent(str(record["id"]), parse_epoch(record.get("updated_at")) or 0)
        return [Asked(REFUSED, Refused(of, problem))]


def _completed(stream: BaseStream, record: Record, field: str, sublist: Sublist) -> str:
    envelope = record[field]
    key, shown = list_in(envelope)
    path = sublist.path.format(id=record["id"])
    found, is_short = _read(stream, path, key)
    wanted = [item for item in found if sublist.consent in (None, item.get("consent_type"))]
    total = max(len(shown), len(wanted), told_total(envelope))
    is_short = is_short or len(wanted) < total
    # Less never takes the place of more.
    items = shown if len(wanted) < len(shown) else _like(shown, wanted)
    if not is_short:
        record[field] = items
        return COMPLETED
    record[field] = {
        "type": envelope.get("type"),
        key: items,
        "url": envelope.get("url"),
        "total_count": total,
        "has_more": True,
    }
    logger.warning(
        "%s: %s of %s are %d, of which Intercom gives %d: kept as cut short",
        stream.tap_stream_id,
        field,
        record["id"],
        total,
        len(items),
    )
    return CUT


def _read(stream: BaseStream, path: str, key: str) -> tuple[list[Record], bool]:
    """What a list's own route gives, and whether it leaves something out."""
    found: dict[Any, Record] = {}
    is_short = False
    try:
        for page in list_pages(stream.client, path, {"per_page": PAGE_SIZE}, key=key):
            # An item that moves on while pages are read comes twice.
            found |= {item.get("id", len(found) + n): item for n, item in enumerate(page.records)}
            is_short = is_short or page.missing > 0 or page.unreadable > 0
    except (IncompleteAnswer, MalformedResponse) as problem:
        logger.warning("%s: %s", stream.tap_stream_id, problem)
        is_short = True
    return list(found.values()), is_short


def _like(shown: Sequence[Any], items: Sequence[Record]) -> list[Record]:
    """Items with the three fields that each item of an embedded list has."""
    like = next((other for other in shown if isinstance(other, dict)), {})
    url, ident = str(like.get("url") or ""), str(like.get("id") or "")
    start = url.removesuffix(ident) if ident and url.endswith(f"/{ident}") else None
    kind = like.get("type")
    return [_with_fields_of_embedded(item, kind, start) for item in items]


def _with_fields_of_embedded(item: Record, kind: Any, start: str | None) -> Record:
    named = {"id": item.get("id"), "type": item.get("type", kind)}
    if start is not None and not item.get("url"):
        named["url"] = f"{start}{item.get('id')}"
    # First, as an embedded item has them, and last, for an empty url of the item's own is none.
    return {**named, **item, **named}
