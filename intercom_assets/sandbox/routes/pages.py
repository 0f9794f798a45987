"""Lists in numbered pages, whose successor is a URL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from intercom_assets.sandbox.calls import Call

MAX_PER_PAGE = 60


def slice_of(call: Call, default: int, most: int = MAX_PER_PAGE) -> slice:
    """The stretch of records that ``page`` and ``per_page`` ask for."""
    per_page = call.number("per_page", default, most)
    start = (call.number("page", 1) - 1) * per_page
    return slice(start, start + per_page)


def envelope(call: Call, records: Sequence[Any], total: int, wanted: slice) -> dict[str, Any]:
    """A page of `total` records."""
    per_page = wanted.stop - wanted.start
    page = wanted.start // per_page + 1
    following = None
    if wanted.stop < total:
        query = {**call.query, "per_page": per_page, "page": page + 1}
        following = f"{call.url.partition('?')[0]}?{urlencode(query)}"
    return {
        "type": "list",
        "data": list(records),
        "total_count": total,
        "pages": {
            "type": "pages",
            "page": page,
            "per_page": per_page,
            "total_pages": math.ceil(total / per_page),
            "next": following,
        },
    }
