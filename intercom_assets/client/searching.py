"""The pages of a search, sorted by updated_at, up to an end that its counts agree with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from intercom_assets.client.client import Answer, IntercomClient
from intercom_assets.client.errors import IncompleteAnswer, MalformedResponse, ServerError
from intercom_assets.client.following import Counts, cursor_of
from intercom_assets.client.pages import Page, believed, check_end, page_of
from intercom_assets.client.retries import MAX_TRIES

logger = logging.getLogger(__name__)

# After that many tries of one page of a search smaller pages are asked for.
TRIES_BEFORE_CHANGE = 3
DESCENDING = "descending"


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
    # Without a sort the order is not one of time. Spelt in full: API 2.16 refuses "asc".
    request = {"query": query, "sort": {"field": "updated_at", "order": order}}
    return _Search(client, path, request, key, page_size, params or {}).pages(cursor)


class _Search:
    """One search, of which pages are asked for by cursor."""

    def __init__(
        self,
        client: IntercomClient,
        path: str,
        request: dict[str, Any],
        key: str | None,
        page_size: int,
        params: Mapping[str, str],
    ) -> None:
        self._client, self._path, self._request = client, path, request
        self._key, self._page_size, self._params = key, page_size, params
        self._call = f"POST {path}"

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """The pages from a cursor on, or from the beginning."""
        size, cursors = self._page_size, {cursor}
        # Of a search that goes on from a cursor nobody knows how much came before.
        seen = 0 if cursor is None else None
        first: Page | None = None
        while True:
            try:
                page = self._page(cursor, size, seen)
            except IncompleteAnswer as problem:
                if seen is not None and self._have_moved(problem.missing, first):
                    page = replace(problem.page, missing=0)
                elif size == 1 or problem.is_credible:
                    page = believed(problem)
                else:
                    # In smaller pages a full one that was the last is full no longer.
                    size = self._smaller(size, problem)
                    continue
            except ServerError as problem:
                size = self._smaller(size, problem)
                continue
            if page.cursor is not None and page.cursor in cursors:
                raise MalformedResponse("the search cursors go round in circles", call=self._call)
            yield page
            first = first or page
            cursors.add(page.cursor)
            seen = None if seen is None else seen + page.given
            cursor, size = page.cursor, min(self._page_size, size * 2)
            if cursor is None:
                return

    def _page(self, cursor: str | None, size: int, seen: int | None) -> Page:
        pagination = {"per_page": size, **({"starting_after": cursor} if cursor else {})}
        return self._client.read(
            "POST",
            self._path,
            partial(self._read, size=size, seen=seen),
            json={**self._request, "pagination": pagination},
            params=self._params,
            tries=TRIES_BEFORE_CHANGE if size > 1 else MAX_TRIES,
        )

    def _read(self, answer: Answer, size: int, seen: int | None) -> Page:
        """The page of an answer.

        Raises:
            IncompleteAnswer: When it names no successor, and there may be more.
        """
        page = page_of(answer, self._key, self._call, cursor_of(answer.body))
        if page.cursor is not None:
            return page
        counts = Counts.of(answer.body)
        if seen is not None and counts != Counts():
            check_end(page, counts, seen + page.given, size, self._call)
        elif page.given >= size or counts.total_pages is None:
            # Every healthy answer of a search has pages.
            raise IncompleteAnswer(
                "the page does not say whether it is the last",
                call=self._call,
                missing=1,
                page=page,
            )
        return page

    def _smaller(self, size: int, problem: ServerError) -> int:
        if size == 1:
            raise problem
        logger.warning("%s; asking for pages of %d", problem, size // 2)
        return size // 2

    def _have_moved(self, missing: int, first: Page | None) -> bool:
        """Whether what a descending walk lacks has changed meanwhile, and so moved to its top.

        Args:
            missing: How many records it lacks.
            first: Its first page as it was.
        """
        if first is None or self._request["sort"]["order"] != DESCENDING:
            return False
        known = {_form(record) for record in first.records}
        moved, cursor = 0, None
        while moved < missing:
            page = self._page(cursor, self._page_size, None)
            for record in page.records:
                if _form(record) in known:
                    return moved >= missing
                moved += 1
            cursor = page.cursor
            if cursor is None:
                break
        return moved >= missing


def _form(record: Mapping[str, Any]) -> tuple[Any, Any]:
    """A record as it was when it was last changed."""
    return record.get("id"), record.get("updated_at")
