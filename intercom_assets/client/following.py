"""What an answer says of what comes after it: how to ask for that, and how much there is.

Intercom has many forms for it, and a route may change its form with a version (`pages.next` of the
notes of a contact is a URL or a cursor). So no list has a form of its own here: whatever an answer
says is followed. https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/pagination
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


class Request(NamedTuple):
    """A GET.

    Attributes:
        path: A path, or a URL that Intercom named.
        params: Query parameters beside those of a URL.
    """

    path: str
    params: Mapping[str, Any]

    @property
    def identity(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What two equal requests have in common."""
        return self.path, tuple(sorted((name, str(self.params[name])) for name in self.params))


@dataclass(frozen=True)
class Counts:
    """What an answer tells of the whole list; each is None where it does not.

    Attributes:
        total: Records in all.
        page: Which page this is, from 1.
        per_page: Records on a full page.
        total_pages: Pages in all; 0 for an empty list.
    """

    total: int | None = None
    page: int | None = None
    per_page: int | None = None
    total_pages: int | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Counts:
        """The counts of an answer: under ``pages``, or at its top."""
        pages = body.get("pages")
        inside = pages if isinstance(pages, Mapping) else {}

        def told(name: str) -> int | None:
            found = _number(inside.get(name))
            return _number(body.get(name)) if found is None else found

        return cls(told("total_count"), told("page"), told("per_page"), told("total_pages"))

    @property
    def at_least(self) -> int:
        """How many records there are, or must be to fill so many pages."""
        if self.total is not None:
            return self.total
        return max(0, (self.total_pages or 0) - 1) * (self.per_page or 1) + bool(self.total_pages)

    def is_last(self, seen: int) -> bool:
        """Whether the page numbers say outright that no page follows.

        Args:
            seen: Records on this page and those before it. They tell where page numbers do not:
                pages of a search may have been of different sizes.
        """
        if self.total_pages is None:
            return False
        if self.page is not None and self.page >= self.total_pages:
            return True
        return self.per_page is not None and (self.total_pages - 1) * self.per_page < seen


def cursor_of(body: Mapping[str, Any]) -> str | None:
    """The cursor that continues a search, from whatever form ``pages.next`` has."""
    following = _next(body)
    if isinstance(following, Mapping):
        following = following.get("starting_after")
    elif isinstance(following, str) and _is_url(following):
        query = parse_qs(urlsplit(following).query)
        following = query.get("starting_after", [None])[0]
    return following if isinstance(following, str) and following else None


def requests_after(body: Mapping[str, Any], first: Request, page: int) -> list[Request]:
    """How to ask for what follows an answer: the ways to try, one after the other.

    Args:
        body: The answer.
        first: The request for the first page, whose parameters every page needs.
        page: Which page the answer is, if it does not say so itself.

    Returns:
        No way if the answer names none; more than one where a route may know only one of them.
    """
    following, counts = _next(body), Counts.of(body)
    here = counts.page or page

    def with_params(**params: Any) -> Request:
        return first._replace(params={**first.params, **params})

    if isinstance(following, str) and _is_url(following):
        return [_at(following, first)]
    if isinstance(following, Mapping):
        cursor, number = following.get("starting_after"), _number(following.get("page"))
        ways = [with_params(starting_after=cursor)] if cursor else []
        return ways + ([with_params(page=number)] if number and number > here else [])
    if number := _number(following):
        return [with_params(page=number)] if number > here else []
    if isinstance(following, str) and following:
        return [with_params(starting_after=following)]
    if cursor := body.get("next_cursor"):
        return [with_params(cursor=cursor)]
    if here < (counts.total_pages or 0) or (body.get("has_more") is True and counts.page):
        return [with_params(page=here + 1)]
    return []


def _next(body: Mapping[str, Any]) -> Any:
    pages = body.get("pages")
    return pages.get("next") if isinstance(pages, Mapping) else None


def _at(url: str, first: Request) -> Request:
    """The request for a URL that Intercom named; it may leave out what was asked for at first."""
    path = f"{first.path}{url}" if url.startswith("?") else url
    named = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return Request(path, {name: first.params[name] for name in first.params if name not in named})


def _is_url(text: str) -> bool:
    # A cursor may be base64, which has slashes, yet never begins with one in Intercom's answers.
    return "://" in text or text.startswith(("/", "?"))


def _number(value: Any) -> int | None:
    """A count, which some routes write as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int and value >= 0 else None
