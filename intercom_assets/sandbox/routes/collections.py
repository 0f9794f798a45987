"""Calls about collections that are served by a declaration."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from intercom_assets.sandbox.calls import Answer, ApiError, Call, Route, answer, not_found, since
from intercom_assets.sandbox.collections import PLAIN, SEARCHED
from intercom_assets.sandbox.collections.declaration import Collection, Paging
from intercom_assets.sandbox.cursors import BAD_CURSOR
from intercom_assets.sandbox.index import Index
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.routes.pages import envelope, slice_of
from intercom_assets.sandbox.search import Search
from intercom_assets.sandbox.tables import Tables


class CollectionRoutes:
    """Lists or searches declared collections, and gives one record of each.

    Args:
        workspace: The tables.
        indexes: Those of collections that are searched are among them.
        options: The sandbox's options.
    """

    def __init__(self, workspace: Tables, indexes: Mapping[str, Index], options: Options) -> None:
        self.workspace = workspace
        self._searches = {
            name: Search(indexes[name], options, key=c.key, kind=c.kind, per_page=c.per_page)
            for name, c in SEARCHED.items()
        }

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        searches = {
            ("POST", f"{c.path}/search"): since(c.since, self._searches[name].search)
            for name, c in SEARCHED.items()
        }
        lists = {
            ("GET", c.pattern): partial(self.listing, c)
            for name, c in PLAIN.items()
            if name not in SEARCHED
        }
        single = {
            ("GET", f"{c.path}/*"): partial(self.one, c) for c in PLAIN.values() if not c.is_child
        }
        return {**searches, **lists, **single}

    def listing(self, collection: Collection, call: Call) -> Answer:
        """A list, or a page of it."""
        _check_version(collection, call)
        with self.workspace.lock:
            records = [
                record
                for record in self._all(collection, call)
                if _is_wanted(record, collection, call)
            ]
            if collection.newest_first:
                records.sort(key=partial(_moment, collection.newest_first), reverse=True)
            body = _PAGES[collection.paging](collection, call, records)
            return answer({"type": collection.kind, **body})

    def one(self, collection: Collection, call: Call) -> Answer:
        """One record."""
        _check_version(collection, call)
        with self.workspace.lock:
            found = self.workspace.plain[collection.name].get(call.params[0])
            if found is None:
                raise not_found()
            return answer(found)

    def _all(self, collection: Collection, call: Call) -> Sequence[Record]:
        if not collection.is_child:
            return list(self.workspace.plain[collection.name].values())
        id = call.params[0]
        if collection.kinds:
            return self._of_kind(collection, id)
        parents = {
            str(record["id"]): record for record in self.workspace.records(str(collection.parent))
        }
        wanted = collection.parents.items()
        if id not in parents or any(parents[id].get(name) != value for name, value in wanted):
            raise not_found()
        return self.workspace.children[collection.name].get(id, [])

    def _of_kind(self, collection: Collection, kind: str) -> Sequence[Record]:
        if kind not in collection.kinds:
            raise not_found("Integration not found", "data_invalid")
        return self.workspace.children[collection.name][kind]


def _check_version(collection: Collection, call: Call) -> None:
    if call.version < collection.since:
        message = "Requested resource is not available in current API version."
        raise ApiError(400, "intercom_version_invalid", message)


def _is_wanted(record: Record, collection: Collection, call: Call) -> bool:
    """Whether a record is within the times that a call asks for."""
    asked = call.query
    return all(
        _moment(field, record) >= call.number(name, 0)
        for name, field in collection.after.items()
        if asked.get(name, "0") != "0"
    ) and all(
        _moment(field, record) <= call.number(name, 0)
        for name, field in collection.before.items()
        if name in asked
    )


def _moment(field: str, record: Record) -> float:
    """A time of a record, epoch seconds, in whichever form it has."""
    value = record.get(field)
    if isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    return float(value or 0)


def _whole(collection: Collection, call: Call, records: list[Record]) -> dict[str, Any]:
    words = collection.words
    return {collection.key: [record[words] for record in records] if words else records}


def _numbered(collection: Collection, call: Call, records: list[Record]) -> dict[str, Any]:
    wanted = slice_of(call, collection.per_page, collection.most)
    page = envelope(call, records[wanted], len(records), wanted)
    if collection.numbers_as_text:
        numbers = {name: str(page["pages"][name]) for name in ("page", "per_page", "total_pages")}
        page["pages"] = {**page["pages"], **numbers}
    return {**page, collection.key: page.pop("data"), "type": collection.kind}


def _counted(collection: Collection, call: Call, records: list[Record]) -> dict[str, Any]:
    wanted = slice_of(call, collection.per_page, collection.most)
    per_page = wanted.stop - wanted.start
    return {
        collection.key: records[wanted],
        "total_count": len(records),
        "page": wanted.start // per_page + 1,
        "per_page": per_page,
        "total_pages": math.ceil(len(records) / per_page),
    }


def _cursor(collection: Collection, call: Call, records: list[Record]) -> dict[str, Any]:
    per_page = call.number("per_page", collection.per_page, collection.most)
    ordered = sorted(records, key=_place)
    after = _read_cursor(call.query.get("starting_after"))
    rest = [record for record in ordered if after is None or _place(record) > after]
    page = rest[:per_page]
    following = None
    if len(rest) > per_page:
        token = base64.b64encode(orjson.dumps(_place(page[-1]))).decode()
        following = {"starting_after": token}
    return {
        collection.key: page,
        "pages": {"type": "pages", "per_page": per_page, "next": following},
    }


def _place(record: Record) -> tuple[float, str]:
    return _moment("updated_at", record), str(record["id"])


def _read_cursor(cursor: str | None) -> tuple[float, str] | None:
    if cursor is None:
        return None
    try:
        moment, id = orjson.loads(base64.b64decode(cursor, validate=True))
        return float(moment), str(id)
    except (ValueError, TypeError):
        raise ApiError(400, "client_error", BAD_CURSOR) from None


_PAGES = {
    Paging.WHOLE: _whole,
    Paging.NUMBERED: _numbered,
    Paging.COUNTED: _counted,
    Paging.CURSOR: _cursor,
}
