"""Intercom's paging protocols, one generator of pages for each.

A page ends a walk only where the protocol says so: an error is never taken for the end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from intercom_assets.client.client import MAX_TRIES, Answer, IntercomClient
from intercom_assets.client.errors import MalformedResponse, ServerError

logger = logging.getLogger(__name__)

# After that many tries of one page of a search smaller pages are asked for.
TRIES_BEFORE_CHANGE = 3


@dataclass(frozen=True)
class Page:
    """Records of one answer.

    Attributes:
        records: As Intercom sent them.
        size: Bytes of the answer.
        at: Intercom's clock at the answer, epoch seconds.
        cursor: Where the next page begins; None on the last.
        total: How many records the whole walk has, where Intercom tells.
    """

    records: list[dict[str, Any]]
    size: int
    at: int
    cursor: str | None = None
    total: int | None = None


def records_of(body: Mapping[str, Any], key: str | None, call: str) -> list[dict[str, Any]]:
    """The records of an answer: under the documented key, else ``data``, else the only list.

    Raises:
        MalformedResponse: When there is no list, or something in it is no object.
    """
    lists = [name for name, value in body.items() if isinstance(value, list)]
    wanted = [name for name in (key, "data") if name in lists] or lists
    if not wanted or (len(wanted) > 1 and wanted[0] not in (key, "data")):
        raise MalformedResponse(f"found no list of records under {key or 'data'!r}", call=call)
    records = body[wanted[0]]
    if not all(isinstance(record, dict) for record in records):
        raise MalformedResponse(f"{wanted[0]!r} holds something other than records", call=call)
    return list(records)


def search_pages(
    client: IntercomClient,
    path: str,
    query: Mapping[str, Any],
    *,
    order: str,
    key: str | None,
    page_size: int,
    cursor: str | None = None,
) -> Iterator[Page]:
    """Pages of a search, sorted by updated_at; the cursor travels in the body.

    In the query string Intercom ignores it and answers the first page for ever.
    """
    size, seen = page_size, {cursor}
    while True:
        request: dict[str, Any] = {
            "query": query,
            # Without a sort the order is not one of time. Spelt in full: API 2.16 refuses "asc".
            "sort": {"field": "updated_at", "order": order},
            "pagination": {"per_page": size, **({"starting_after": cursor} if cursor else {})},
        }
        try:
            answer = client.post(
                path, request, tries=TRIES_BEFORE_CHANGE if size > 1 else MAX_TRIES
            )
        except ServerError as problem:
            if size == 1:
                raise
            size = max(1, size // 2)
            logger.warning("%s; asking for pages of %d", problem, size)
            continue
        page = _search_page(answer, key, f"POST {path}")
        if page.cursor is not None and page.cursor in seen:
            raise MalformedResponse("the search cursors go round in circles", call=f"POST {path}")
        yield page
        seen.add(page.cursor)
        cursor, size = page.cursor, min(page_size, size * 2)
        if cursor is None:
            return


def url_pages(
    client: IntercomClient, path: str, params: Mapping[str, Any] | None, *, key: str | None
) -> Iterator[Page]:
    """Pages whose successor is a URL, if they have one; a list without pages is one page."""
    seen = set()
    answer = client.get(path, params)
    while True:
        following = _following(answer.body)
        yield Page(records_of(answer.body, key, f"GET {path}"), answer.size, answer.at, following)
        if following is None:
            return
        if following in seen:
            raise MalformedResponse("the page URLs go round in circles", call=f"GET {path}")
        seen.add(following)
        answer = client.get(following)


def scroll_pages(client: IntercomClient, path: str, *, key: str | None) -> Iterator[Page]:
    """Pages of one scroll, up to the empty one that ends it.

    A page is asked for once. Intercom goes on with each request, whether or not its answer arrives:
    a second one would get the page after the lost one.

    Raises:
        ScrollUnavailable: When another scroll is open, or this one expired.
        ServerError: When an answer did not arrive whole, after which the scroll must start over.
    """
    params: dict[str, Any] = {}
    while True:
        answer = client.get(path, params, tries=1)
        records = records_of(answer.body, key, f"GET {path}")
        if not records:
            return
        cursor = answer.body.get("scroll_param")
        if not isinstance(cursor, str) or not cursor:
            raise MalformedResponse("a page of a scroll has no scroll_param", call=f"GET {path}")
        yield Page(records, answer.size, answer.at, cursor, _total(answer))
        params = {"scroll_param": cursor}


def _search_page(answer: Answer, key: str | None, call: str) -> Page:
    pages = answer.body.get("pages")
    following = pages.get("next") if isinstance(pages, dict) else None
    cursor = following.get("starting_after") if isinstance(following, dict) else following
    if cursor is not None and not isinstance(cursor, str):
        raise MalformedResponse(f"pages.next is {following!r}, not a cursor", call=call)
    return Page(
        records_of(answer.body, key, call), answer.size, answer.at, cursor or None, _total(answer)
    )


def _total(answer: Answer) -> int | None:
    total = answer.body.get("total_count")
    return total if isinstance(total, int) else None


def _following(body: Mapping[str, Any]) -> str | None:
    pages = body.get("pages")
    following = pages.get("next") if isinstance(pages, dict) else None
    return following if isinstance(following, str) and following else None
