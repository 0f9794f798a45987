"""Intercom's lists, page by page: one generator for each way to ask.

- `list_pages`: a GET. Unpaginated, numbered pages, URLs, cursors in the query, counts at the top:
  the answer says how it goes on, and `following` knows every form.
- `search_pages`: a POST with a query; the cursor travels in the body.
- `scroll_pages`: a GET that Intercom itself remembers.

A walk ends only where the answer names no successor and its counts agree; an error is never taken
for the end, and what is fewer than told is repeated, then an `IncompleteAnswer`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from intercom_assets.client.client import Answer, IntercomClient
from intercom_assets.client.errors import IncompleteAnswer, MalformedResponse, ServerError
from intercom_assets.client.following import Counts, cursor_of
from intercom_assets.client.listing import list_pages
from intercom_assets.client.pages import Page, believed, check_end, items_of, page_of
from intercom_assets.client.retries import MAX_TRIES

__all__ = ["Page", "items_of", "list_pages", "page_of", "scroll_pages", "search_pages"]

logger = logging.getLogger(__name__)

# After that many tries of one page of a search smaller pages are asked for.
TRIES_BEFORE_CHANGE = 3


def search_pages(
    client: IntercomClient,
    path: str,
    query: Mapping[str, Any],
    *,
    order: str,
    key: str | None,
    page_size: int,
    cursor: str | None = None,
    params: Mapping[str, str] | None = None,
) -> Iterator[Page]:
    """Pages of a search, sorted by updated_at; the cursor travels in the body.

    In the query string Intercom ignores it and answers the first page for ever.

    Args:
        client: Whom to ask.
        path: The route, e.g. ``/contacts/search``.
        query: What to search for.
        order: ``ascending`` or ``descending``.
        key: Under which the records are, if not under ``data``.
        page_size: Records a page, at the most; fewer are asked for where Intercom fails.
        cursor: Where a search that was begun before goes on.
        params: For the query string.

    Raises:
        IncompleteAnswer: When the last page leaves out what its counts tell of.
        MalformedResponse: When an answer has no list, or the cursors repeat.
    """
    size, cursors, call = page_size, {cursor}, f"POST {path}"
    # Of a search that goes on from a cursor nobody knows how much came before.
    seen = 0 if cursor is None else None
    while True:
        request: dict[str, Any] = {
            "query": query,
            # Without a sort the order is not one of time. Spelt in full: API 2.16 refuses "asc".
            "sort": {"field": "updated_at", "order": order},
            "pagination": {"per_page": size, **({"starting_after": cursor} if cursor else {})},
        }

        def read(answer: Answer, seen: int | None = seen, size: int = size) -> Page:
            page = page_of(answer, key, call, cursor_of(answer.body))
            if page.cursor is None:
                _check_search_end(answer, page, seen, size, call)
            return page

        try:
            tries = TRIES_BEFORE_CHANGE if size > 1 else MAX_TRIES
            page = client.read("POST", path, read, json=request, params=params or {}, tries=tries)
        except ServerError as problem:
            if isinstance(problem, IncompleteAnswer) and (size == 1 or problem.page):
                page = believed(problem)
            elif size == 1:
                raise
            else:
                # A full page that was the last one is short of the size of no smaller page.
                size = max(1, size // 2)
                logger.warning("%s; asking for pages of %d", problem, size)
                continue
        if page.cursor is not None and page.cursor in cursors:
            raise MalformedResponse("the search cursors go round in circles", call=call)
        yield page
        cursors.add(page.cursor)
        seen = None if seen is None else seen + len(page.records) + page.unreadable
        cursor, size = page.cursor, min(page_size, size * 2)
        if cursor is None:
            return


def _check_search_end(answer: Answer, page: Page, seen: int | None, size: int, call: str) -> None:
    """Checks the end of a search, of which every healthy answer has ``pages``.

    Raises:
        IncompleteAnswer: When there may be more.
    """
    counts, given = Counts.of(answer.body), len(page.records) + page.unreadable
    if seen is not None and counts != Counts():
        check_end(page, counts, seen + given, size, call)
    elif given >= size or counts.total_pages is None:
        raise IncompleteAnswer("the page does not say whether it is the last", call=call, missing=1)


def scroll_pages(client: IntercomClient, path: str, *, key: str | None) -> Iterator[Page]:
    """Pages of one scroll, up to the empty one that ends it.

    A page is asked for once. Intercom goes on with each request, whether or not its answer arrives:
    a second one would get the page after the lost one.

    Raises:
        ScrollUnavailable: When another scroll is open, or this one expired.
        ServerError: When an answer did not arrive whole, or the scroll ended too soon, after which
            the scroll must start over.
    """
    params: dict[str, Any] = {}
    seen, usual, total = 0, 1, None
    while True:
        answer = client.get(path, params, tries=1)
        page = page_of(answer, key, f"GET {path}", answer.body.get("scroll_param"))
        total = page.total if page.total is not None else total
        if not page.records:
            missing = (total or 0) - seen
            # Companies come and go meanwhile; a page of them does not.
            if missing >= usual:
                raise IncompleteAnswer(
                    f"the scroll ended after {seen} of {total}",
                    call=f"GET {path}",
                    missing=missing,
                )
            if missing > 0:
                yield replace(page, missing=missing)
            return
        if not isinstance(page.cursor, str) or not page.cursor:
            raise MalformedResponse("a page of a scroll has no scroll_param", call=f"GET {path}")
        usual, seen = max(usual, len(page.records)), seen + len(page.records)
        yield page
        params = {"scroll_param": page.cursor}
