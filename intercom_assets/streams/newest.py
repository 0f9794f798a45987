"""When a stream last changed at Intercom, by one small request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from intercom_assets.client.pagination import Page, search_pages
from intercom_assets.streams.base import BaseStream
from intercom_assets.streams.changed import ChangedStream
from intercom_assets.streams.newest_first import NewestFirstStream
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.timestamps import parse_epoch

Watched: TypeAlias = SearchStream | NewestFirstStream | ChangedStream


def is_watched(stream: type[BaseStream]) -> bool:
    """Whether its changes can be asked for so cheaply.

    Records that only ever come, such as logs, are left to the schedule: in a busy workspace there
    are new ones at each look.
    """
    families = (SearchStream, NewestFirstStream, ChangedStream)
    return issubclass(stream, families) and not stream.append and stream.parent is None


def newest(stream: Watched, since: int) -> int | None:
    """When a stream's newest record changed, epoch seconds.

    Args:
        stream: The stream.
        since: What changed before may be left out, epoch seconds.

    Returns:
        The moment; None if there are no records.
    """
    page = next(_pages(stream, since))
    times = [parse_epoch(record.get(stream.replication_key)) for record in page.records]
    return max((time for time in times if time is not None), default=None)


def _pages(stream: Watched, since: int) -> Iterator[Page]:
    if isinstance(stream, ChangedStream):
        # In no order that anybody promises, so all that one page holds.
        return stream.read(stream.path, **stream.between(since, None))
    if isinstance(stream, NewestFirstStream):
        return stream.read(stream.path, per_page=1)
    return search_pages(
        stream.client,
        stream.path,
        {"field": "updated_at", "operator": ">", "value": 0},
        order="descending",
        key=stream.data_key,
        page_size=1,
    )
