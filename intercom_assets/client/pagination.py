"""Intercom's lists, page by page: one generator for each way to ask.

- `list_pages`: a GET. Unpaginated, numbered pages, URLs, cursors in the query, counts at the top:
  the answer says how it goes on, and `following` knows every form.
- `search_pages`: a POST with a query; the cursor travels in the body.
- `scroll_pages`: a GET that Intercom itself remembers.

A walk ends only where the answer names no successor and its counts agree; an error is never taken
for the end, and what is fewer than told is repeated, then an `IncompleteAnswer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from intercom_assets.client.client import IntercomClient
from intercom_assets.client.errors import IncompleteAnswer, MalformedResponse
from intercom_assets.client.listing import list_pages
from intercom_assets.client.pages import Page, items_of, page_of
from intercom_assets.client.searching import search_pages

__all__ = ["Page", "items_of", "list_pages", "page_of", "scroll_pages", "search_pages"]


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
