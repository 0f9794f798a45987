"""The pages of a GET, in whatever form each answer names its successor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from intercom_assets.client.client import Answer, IntercomClient
from intercom_assets.client.errors import IncompleteAnswer, RequestRefused
from intercom_assets.client.following import Counts, Request, requests_after
from intercom_assets.client.pages import Page, believed, check_end, page_of

Check = Callable[[Page], None]


def list_pages(
    client: IntercomClient,
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    key: str | None,
    check: Check | None = None,
) -> Iterator[Page]:
    """Pages of a GET, in whatever form each answer names its successor.

    Args:
        client: Whom to ask.
        path: The route, e.g. ``/articles``.
        params: Parameters that every page needs, such as ``per_page``.
        key: Under which the records are, if not under ``data``.
        check: Raises `UnusableAnswer` for a page that does not answer what was asked.

    Raises:
        UnusableAnswer: What the check raised each time.
        IncompleteAnswer: When the last page leaves out what its counts tell of, or pages repeat.
        MalformedResponse: When an answer has no list.
    """
    listing = _Listing(client, Request(path, dict(params or {})), key, check)
    while listing.ways:
        yield listing.next_page()


class _Listing:
    """One walk over a list.

    Attributes:
        ways: How the next page can be asked for, to be tried one after the other.
    """

    def __init__(
        self, client: IntercomClient, first: Request, key: str | None, check: Check | None
    ) -> None:
        self.ways = [first]
        self._client, self._first, self._key, self._check = client, first, key, check
        self._call = f"GET {first.path}"
        self._asked: set[Any] = set()
        self._before: list[dict[str, Any]] = []
        self._number, self._seen = 1, 0

    def next_page(self) -> Page:
        """The next page, by the first way that leads to another one than before."""
        refused: RequestRefused | None = None
        for way in self.ways:
            if way.identity in self._asked:
                continue
            self._asked.add(way.identity)
            try:
                page, following = self._page(way)
            except RequestRefused as problem:
                refused = problem
                continue
            if page.records != self._before or not self._before:
                self.ways, self._before = following, page.records
                self._number += 1
                self._seen += page.given
                return page
        raise refused or IncompleteAnswer(
            "the pages go round in circles", call=self._call, missing=1
        )

    def _page(self, way: Request) -> tuple[Page, list[Request]]:
        try:
            return self._client.read("GET", way.path, self._read, params=way.params)
        except IncompleteAnswer as problem:
            return believed(problem), []

    def _read(self, answer: Answer) -> tuple[Page, list[Request]]:
        page, counts = page_of(answer, self._key, self._call), Counts.of(answer.body)
        if self._check:
            self._check(page)
        ways = requests_after(answer.body, self._first, self._number)
        seen = self._seen + page.given
        # Events name a further page for ever: an empty one ends them.
        if not page.records and counts.at_least <= seen:
            ways = []
        if not ways:
            if answer.body.get("has_more") is True and counts.at_least <= seen:
                raise IncompleteAnswer("has_more, and no way to it", call=self._call, missing=1)
            size = self._first.params.get("per_page")
            check_end(page, counts, seen, int(size) if size else None, self._call)
        return page, ways
