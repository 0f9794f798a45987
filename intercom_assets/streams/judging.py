"""Whether a page answers what was asked, and what of it has to be told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from intercom_assets.client.errors import WrongAnswer
from intercom_assets.client.pagination import Page

logger = logging.getLogger(__name__)

UNREADABLE, MISSING = "records unreadable", "records fewer than told"


def check_values(page: Page, expected: Mapping[str, Any], path: str) -> None:
    """Checks that an answer heeds its parameters.

    Args:
        page: The answer's page.
        expected: The values that every record has then; one without the field counts as right.
        path: The route.

    Raises:
        WrongAnswer: When a record has another value.
    """
    for name, value in expected.items():
        for record in page.records:
            if record.get(name, value) != value:
                raise WrongAnswer(
                    f"Intercom was asked for records whose {name} is {value!r} and gave one with "
                    f"{record[name]!r}: it did not heed the parameters",
                    call=f"GET {path}",
                )


def is_cut(counts: Counter[str]) -> bool:
    """Whether any page that was told of lacked something."""
    return bool(counts[UNREADABLE] or counts[MISSING])


def tell(page: Page, counts: Counter[str], stream: str) -> None:
    """Counts and logs what a page lacks.

    Args:
        page: The page.
        counts: Of the stream.
        stream: Its name.
    """
    for what, number in ((UNREADABLE, page.unreadable), (MISSING, page.missing)):
        if number:
            counts[what] += number
            logger.warning("%s: %d %s", stream, number, what)
