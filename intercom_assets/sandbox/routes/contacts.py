"""Calls about contacts: search, list, one, and its sub-lists."""

from __future__ import annotations

from functools import partial
from typing import Any

from intercom_assets.sandbox.calls import Answer, ApiError, Call, Route, answer, not_found
from intercom_assets.sandbox.index import Index
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.routes.pages import envelope, slice_of
from intercom_assets.sandbox.search import Search, Sort
from intercom_assets.sandbox.segments import segments_of

PER_PAGE = 50
# From this version on a merged contact is told from one that never was.
MERGED_IS_GONE = (2, 16)
MERGED = "This contact has been merged. See the 'Link' header for the canonical contact."


class ContactRoutes:
    """Answers about contacts."""

    def __init__(self, index: Index, options: Options) -> None:
        self.index = index
        self.workspace = index.workspace
        self.searching = Search(index, options, key="data", kind="list", per_page=PER_PAGE)

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        return {
            ("POST", "/contacts/search"): self.searching.search,
            ("GET", "/contacts"): lambda call: self.searching.listing(call, Sort()),
            ("GET", "/contacts/*"): self.contact,
            ("GET", "/contacts/*/tags"): partial(self.whole, "tags"),
            ("GET", "/contacts/*/subscriptions"): partial(self.whole, "subscriptions"),
            ("GET", "/contacts/*/segments"): partial(self.whole, "segments"),
            ("GET", "/contacts/*/companies"): partial(self.paged, "companies"),
            ("GET", "/contacts/*/notes"): partial(self.paged, "notes"),
        }

    def contact(self, call: Call) -> Answer:
        """One contact; a merged one points to the survivor."""
        with self.workspace.lock:
            survivor = self.workspace.merged_contacts.get(call.params[0])
            if survivor and call.version >= MERGED_IS_GONE:
                base = call.url.partition("/contacts/")[0]
                link = f'<{base}/contacts/{survivor}>; rel="canonical"'
                raise ApiError(410, "contact_merged", MERGED, {"Link": link})
            return answer(self.index.records[self._id(call)])

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
            return segments_of(self.workspace, id)
        return self.workspace.sublists.get((id, kind), [])
