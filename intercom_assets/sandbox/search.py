"""Searches and lists of a collection, page by page."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from intercom_assets.sandbox.calls import Answer, ApiError, Call, answer, positive
from intercom_assets.sandbox.cursors import BAD_CURSOR, Sort, read_cursor, write_cursor
from intercom_assets.sandbox.dates import LAST_DAY_VERSION, Days, Instants
from intercom_assets.sandbox.fields import Field, Fields
from intercom_assets.sandbox.index import (
    Entry,
    Index,
    Record,
    SortValue,
    milliseconds,
)
from intercom_assets.sandbox.operators import id_order
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.query import EVERYTHING, Condition, compile_query

MAX_PER_PAGE = 150
ORDERS = ("ascending", "descending")


class Search:
    """Searches and lists one collection.

    Args:
        index: Its index.
        options: The sandbox's options.
        key: What an answer calls its records.
        kind: The answer's type.
        per_page: Records on a page unless asked otherwise.
        optional: Query parameters, and what hangs on a record and is shown only for them.
    """

    def __init__(
        self,
        index: Index,
        options: Options,
        *,
        key: str,
        kind: str,
        per_page: int,
        optional: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.index = index
        self.options = options
        self.fields = Fields(index.workspace, index.collection)
        self.key, self.kind, self.per_page = key, kind, per_page
        self.optional = optional

    def search(self, call: Call) -> Answer:
        """Answers POST …/search; where a page begins is read from the body, never from the URL."""
        body = call.json
        if not isinstance(body, dict):
            raise ApiError(400, "bad_request", "the body must be a JSON object")
        condition = compile_query(self.fields, body.get("query"), self._dates(call))
        sort = self._sort(body.get("sort"))
        pagination = body.get("pagination") or {}
        if not isinstance(pagination, dict):
            raise ApiError(400, "parameter_invalid", "pagination must be an object")
        return self._page(call, condition, sort, pagination, hide_new=True)

    def listing(self, call: Call, sort: Sort) -> Answer:
        """Answers a list whose cursor travels in the URL."""
        return self._page(call, EVERYTHING, sort, call.query)

    def _page(
        self,
        call: Call,
        condition: Condition,
        sort: Sort,
        pagination: Mapping[str, Any],
        hide_new: bool = False,
    ) -> Answer:
        wanted = pagination.get("per_page")
        size = self.per_page if wanted is None else wanted
        per_page = positive(size, "per_page", MAX_PER_PAGE)
        place = read_cursor(pagination.get("starting_after"), sort)
        with self.index.workspace.lock:
            entries, first, last = self._found(condition, sort, hide_new)
            total = last - first
            page = _slice(entries, first, last, place.entry, sort.descending, per_page + 1)
            asked = [kind for flag, kind in self.optional.items() if call.flag(flag)]
            records = self.index.fragments((id for _, id in page[:per_page]), asked)
        pages: dict[str, Any] = {
            "type": "pages",
            "page": place.page,
            "per_page": per_page,
            "total_pages": math.ceil(total / per_page),
        }
        if len(page) > per_page:
            cursor = write_cursor(page[per_page - 1], sort, place.page + 1)
            pages["next"] = {"page": place.page + 1, "starting_after": cursor}
        return answer({"type": self.kind, self.key: records, "total_count": total, "pages": pages})

    def _found(
        self, condition: Condition, sort: Sort, hide_new: bool
    ) -> tuple[list[Entry], int, int]:
        """Sorted entries, and the stretch of them that was found.

        A stretch of updated_at sorted by it costs two bisections; all else looks at each record.
        """
        entries = self.index.entries(sort.name, sort.value_of)
        first, last, matches = 0, len(entries), None
        if condition is EVERYTHING:
            pass
        elif sort.name == "updated_at" and condition.interval:
            first, last = _bounds(entries, condition.interval)
            matches = condition.rest
        else:
            matches = condition.matches
        newest = self._newest() if hide_new else math.inf
        if matches is None and newest == math.inf:
            return entries, first, last
        records = self.index.records
        found = [
            entry
            for entry in entries[first:last]
            if (records[entry[1]].get("created_at") or 0) <= newest
            and (matches is None or matches(records[entry[1]]))
        ]
        return found, 0, len(found)

    def _newest(self) -> float:
        """Creation time of the newest contact that the search knows of."""
        if self.index.collection != "contacts" or not self.options.search_lag:
            return math.inf
        return self.index.workspace.clock.time() - self.options.search_lag

    def _dates(self, call: Call) -> Days | Instants:
        if self.index.collection != "contacts":
            return Instants()
        if call.version > LAST_DAY_VERSION:
            return Instants(refused=("IN", "NIN"))
        return Days(self.index.workspace.me["app"]["timezone"])

    def _sort(self, wanted: object) -> Sort:
        if wanted is None:
            return Sort()
        if not isinstance(wanted, dict) or "field" not in wanted:
            raise ApiError(400, "parameter_invalid", "sort must name a field")
        order = wanted.get("order", "descending")
        if order not in ORDERS:
            message = f"Invalid sort order {order!r}. Must be one of: {', '.join(ORDERS)}"
            raise ApiError(400, "invalid_sort_order", message)
        field = self.fields.find(wanted["field"])
        if field.many:
            raise ApiError(400, "parameter_invalid", f"{wanted['field']} cannot be sorted by")
        return Sort(wanted["field"], order == "descending", _order_of(field))


def newest_first(name: str) -> Sort:
    """The order by a time, latest first."""
    return Sort(name, True, milliseconds(lambda record: record.get(name)))


def _order_of(field: Field) -> Callable[[Record], SortValue]:
    read = field.read
    if field.kind == "date":
        return milliseconds(read)
    if field.kind == "integer":
        return lambda record: read(record) or 0
    if field.kind == "id":
        return lambda record: id_order(read(record) or "")
    return lambda record: str(read(record) or "")


def _bounds(entries: list[Entry], interval: tuple[float, float]) -> tuple[int, int]:
    """The entries within an interval, never those without a time."""
    # No time is so early, yet it is later than none at all.
    start = max(interval[0], -1e300)
    first = bisect_left(entries, (start, ""))
    return first, max(first, bisect_left(entries, (interval[1], "")))


def _slice(
    entries: list[Entry], first: int, last: int, after: Entry | None, descending: bool, count: int
) -> list[Entry]:
    """Up to `count` entries between `first` and `last` that follow `after`."""
    try:
        if after and descending:
            last = min(last, bisect_left(entries, after))
        elif after:
            first = max(first, bisect_right(entries, after))
    except TypeError:  # The cursor of another order.
        raise ApiError(400, "client_error", BAD_CURSOR) from None
    if descending:
        return entries[max(first, last - count) : max(first, last)][::-1]
    return entries[first : min(last, first + count)]
