"""Calls about contacts: search, list, one, and its sub-lists."""

from __future__ import annotations

from base64 import b64decode, b64encode
from functools import partial
from typing import Any

import orjson

from intercom_assets.sandbox.attached import attached
from intercom_assets.sandbox.calls import (
    Answer,
    ApiError,
    Call,
    Route,
    answer,
    not_found,
    positive,
    since,
)
from intercom_assets.sandbox.cursors import BAD_CURSOR, Sort
from intercom_assets.sandbox.index import Index
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.routes.pages import envelope, slice_of
from intercom_assets.sandbox.search import Search

PER_PAGE = 50
MAX_PER_PAGE = 150
OPTIONAL = {"include_merge_history": "merge_history"}
BY_EXTERNAL_ID = (2, 13)
# From this version on a merged contact is told from one that never was.
MERGED_IS_GONE = (2, 16)
MERGED = "This contact has been merged. See the 'Link' header for the canonical contact."


class ContactRoutes:
    """Answers about contacts."""

    def __init__(self, index: Index, options: Options) -> None:
        self.index = index
        self.workspace = index.workspace
        self.searching = Search(
            index, options, key="data", kind="list", per_page=PER_PAGE, optional=OPTIONAL
        )

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        return {
            ("POST", "/contacts/search"): self.searching.search,
            ("GET", "/contacts"): lambda call: self.searching.listing(call, Sort()),
            ("GET", "/contacts/*"): self.contact,
            ("GET", "/contacts/find_by_external_id/*"): since(BY_EXTERNAL_ID, self.by_external_id),
            ("GET", "/contacts/*/merge_history"): since(MERGED_IS_GONE, self.merge_history),
            ("GET", "/contacts/*/tags"): partial(self.whole, "tags"),
            ("GET", "/contacts/*/subscriptions"): partial(self.whole, "subscriptions"),
            ("GET", "/contacts/*/segments"): partial(self.whole, "segments"),
            ("GET", "/contacts/*/companies"): partial(self.paged, "companies"),
            ("GET", "/contacts/*/notes"): partial(self.paged, "notes"),
        }

    def contact(self, call: Call) -> Answer:
        """One contact; a merged one points to the survivor."""
        with self.workspace.lock:
            return self._one(call, call.params[0], self.workspace.merged_contacts)

    def by_external_id(self, call: Call) -> Answer:
        """One user, by the id that the company gave."""
        wanted = call.params[0]
        with self.workspace.lock:
            users = (c for c in self.index.records.values() if c["role"] == "user")
            found = next((c["id"] for c in users if c["external_id"] == wanted), wanted)
            return self._one(call, found, self.workspace.merged_external_ids)

    def _one(self, call: Call, id: str, merged: dict[str, str]) -> Answer:
        survivor = merged.get(id)
        if survivor and id not in self.index.records and call.version >= MERGED_IS_GONE:
            link = f'</contacts/{survivor}>; rel="canonical"'
            raise ApiError(410, "contact_merged", MERGED, {"Link": link})
        if id not in self.index.records:
            raise not_found("User Not Found")
        kinds = [kind for flag, kind in OPTIONAL.items() if call.flag(flag)]
        return answer(self.index.fragments([id], kinds)[0])

    def merge_history(self, call: Call) -> Answer:
        """Those who were merged into a user, the latest first unless asked otherwise."""
        per_page = call.number("per_page", PER_PAGE, MAX_PER_PAGE)
        with self.workspace.lock:
            contact = self.index.records.get(call.params[0])
            if contact is None or contact["role"] != "user":
                raise not_found("Contact not found")
            found = list(attached(self.workspace, contact["id"], "merge_history"))
        if call.query.get("order", "desc") == "desc":
            found.reverse()
        start = _place(call.query.get("cursor"))
        rest = found[start + per_page :]
        following = {"next_cursor": _cursor(start + per_page)} if rest else {}
        page = found[start : start + per_page]
        return answer({"type": "list", "data": page, **following, "has_more": bool(rest)})

    def whole(self, kind: str, call: Call) -> Answer:
        """A sub-list in one answer."""
        with self.workspace.lock:
            records = self._sublist(self._id(call), kind)
            return answer({"type": "list", "data": records})

    def paged(self, kind: str, call: Call) -> Answer:
        """A sub-list in numbered pages."""
        wanted = slice_of(call, PER_PAGE)
        with self.workspace.lock:
            records = self._sublist(self._id(call), kind)
            return answer(envelope(call, records[wanted], len(records), wanted))

    def _id(self, call: Call) -> str:
        if call.params[0] not in self.index.records:
            raise not_found("User Not Found")
        return call.params[0]

    def _sublist(self, id: str, kind: str) -> list[dict[str, Any]]:
        if kind == "segments":
            return attached(self.workspace, id, "segments")
        return self.workspace.sublists.get((id, kind), [])


def _cursor(place: int) -> str:
    return b64encode(orjson.dumps([place])).decode()


def _place(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        (place,) = orjson.loads(b64decode(cursor, validate=True))
    except (ValueError, TypeError):
        raise ApiError(400, "client_error", BAD_CURSOR) from None
    return positive(place, "cursor")
