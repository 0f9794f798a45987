"""Orders of a walk, and the cursors that name a place in them.

A cursor names the place after the last record of a page, so no state is kept between pages.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import NamedTuple

import orjson

from intercom_assets.sandbox.calls import ApiError, encode
from intercom_assets.sandbox.index import NULL, Entry, Record, SortValue, scrambled

BAD_CURSOR = (
    "Invalid starting_after param. Please try again using a starting_after value from a "
    "paginated response"
)


class Sort(NamedTuple):
    """The order of a walk; without a name it follows no field."""

    name: str = ""
    descending: bool = False
    value_of: Callable[[Record], SortValue] = scrambled


class Place(NamedTuple):
    """Where a page begins: after this entry."""

    entry: Entry | None = None
    page: int = 1


def write_cursor(entry: Entry, sort: Sort, page: int) -> str:
    """The cursor for the page that begins after `entry`."""
    value = -1 if entry[0] == NULL or not sort.name else entry[0]
    return base64.b64encode(encode([value, entry[1], page])).decode()


def read_cursor(cursor: object, sort: Sort) -> Place:
    """The place that a cursor names.

    Raises:
        ApiError: client_error, when it is no cursor.
    """
    if not cursor:
        return Place()
    try:
        value, id, page = orjson.loads(base64.b64decode(str(cursor), validate=True))
    except (ValueError, TypeError):
        raise ApiError(400, "client_error", BAD_CURSOR) from None
    if not (isinstance(value, int | float | str) and isinstance(id, str) and _is_page(page)):
        raise ApiError(400, "client_error", BAD_CURSOR)
    if not sort.name:
        value = scrambled({"id": id})
    elif value == -1:
        value = NULL
    return Place((value, id), page)


def _is_page(page: object) -> bool:
    return isinstance(page, int) and page > 1
