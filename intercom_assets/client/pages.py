"""A page of a list: its records, and whether it may be the last one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from intercom_assets.client.client import Answer
from intercom_assets.client.errors import IncompleteAnswer, MalformedResponse
from intercom_assets.client.following import Counts

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """Records of one answer.

    Attributes:
        records: As Intercom sent them.
        size: Bytes of the answer.
        at: Intercom's clock at the answer, epoch seconds.
        cursor: Where the next page of a search or scroll begins; None on the last.
        total: How many records the whole walk has, where Intercom tells.
        unreadable: Items that are no records, such as null; they are left out.
        missing: By how many the whole walk is shorter than told, on its last page.
    """

    records: list[dict[str, Any]]
    size: int
    at: int
    cursor: str | None = None
    total: int | None = None
    unreadable: int = 0
    missing: int = 0

    @property
    def given(self) -> int:
        """How many items came, whatever they are."""
        return len(self.records) + self.unreadable


def items_of(body: Mapping[str, Any], key: str | None, call: str) -> list[Any]:
    """The list of an answer: under the documented key, else ``data``, or under both.

    Never any other list: an error's ``errors`` are no records.

    Raises:
        MalformedResponse: When there is none.
    """
    for name in (key, "data"):
        found = body.get(name) if name else None
        if isinstance(found, Mapping) and key:
            found = found.get(key)  # the search of internal articles: data.internal_articles
        if isinstance(found, list):
            return found
    raise MalformedResponse(f"found no list of records under {key or 'data'!r}", call=call)


def page_of(answer: Answer, key: str | None, call: str, cursor: str | None = None) -> Page:
    """The page that an answer holds.

    Raises:
        MalformedResponse: When it has no list, or one of something else than records.
    """
    items = items_of(answer.body, key, call)
    records = [item for item in items if isinstance(item, dict)]
    if not records and any(item is not None for item in items):
        raise MalformedResponse("the list holds something other than records", call=call)
    return Page(
        records,
        answer.size,
        answer.at,
        cursor,
        Counts.of(answer.body).total,
        unreadable=len(items) - len(records),
    )


def check_end(page: Page, counts: Counts, seen: int, asked: int | None, call: str) -> None:
    """Checks that an answer which names no successor is the last of its walk.

    The counts have to agree with it. They may be off by a few, for records change, come and go
    while pages are read; so an answer that says outright that it is the last, and is not full, is
    believed once it was repeated (`IncompleteAnswer.is_credible`).

    Args:
        page: The answer's page.
        counts: What the answer tells of the whole.
        seen: Records of the walk, those of this page included.
        asked: Records on a full page, as asked for.
        call: For the error.

    Raises:
        IncompleteAnswer: When more was told of than was given.
    """
    missing = counts.at_least - seen
    if missing <= 0:
        return
    is_full = page.given >= (counts.per_page or asked or page.given + 1)
    raise IncompleteAnswer(
        f"{seen} records came, of which Intercom says there are {counts.at_least}, and no way to "
        "the others was named",
        call=call,
        missing=missing,
        page=page,
        is_credible=seen > 0 and not is_full and counts.is_last(seen),
    )


def believed(problem: IncompleteAnswer) -> Page:
    """The page of an answer that stayed as it is when it was repeated, if it may be the last.

    Raises:
        IncompleteAnswer: The problem, if it may not.
    """
    if not problem.is_credible:
        raise problem
    logger.warning("%s; it stayed so when asked again", problem)
    page: Page = problem.page
    return replace(page, missing=problem.missing)
