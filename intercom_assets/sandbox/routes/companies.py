"""Calls about companies: scroll, list and notes."""

from __future__ import annotations

from itertools import islice

from intercom_assets.sandbox.calls import Answer, ApiError, Call, Route, answer, not_found
from intercom_assets.sandbox.index import Index, Record, milliseconds, scrambled
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.routes.pages import envelope, slice_of
from intercom_assets.sandbox.scroll import Scrolls

DEFAULT_PER_PAGE = 15
DEFAULT_NOTES_PER_PAGE = 50
ORDERS = ("asc", "desc")


class CompanyRoutes:
    """Answers about companies."""

    def __init__(self, index: Index, options: Options) -> None:
        self.index = index
        self.workspace = index.workspace
        self.options = options
        self.scrolls = Scrolls(self.workspace.clock.time, lambda: options.scroll_expiry)

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        return {
            ("GET", "/companies/scroll"): self.scroll,
            ("POST", "/companies/list"): self.listing,
            ("GET", "/companies/*"): self.company,
            ("GET", "/companies/*/notes"): self.notes,
        }

    def scroll(self, call: Call) -> Answer:
        """The next page of a scroll; an empty one ends it."""
        param = call.query.get("scroll_param")
        with self.workspace.lock:
            if param:
                scroll = self.scrolls.resume(param)
            else:
                scroll = self.scrolls.start([id for _, id in self.index.entries("", scrambled)])
            # A company deleted since the start must not make a page look like the last.
            alive = (id for id in scroll.ids if id in self.index.records)
            ids = list(islice(alive, self.options.scroll_page_size))
            page = {
                "type": "list",
                "data": self.index.fragments(ids),
                "pages": None,
                "total_count": None,
                "scroll_param": scroll.param,
            }
            if not ids:
                self.scrolls.close()
            return answer(page)

    def listing(self, call: Call) -> Answer:
        """Companies with users in numbered pages, latest request first, up to a cap."""
        wanted = slice_of(call, DEFAULT_PER_PAGE)
        if wanted.start >= self.options.companies_cap:
            raise ApiError(400, "bad_request", "page limit reached, please use scroll API")
        order = call.query.get("order", "desc")
        if order not in ORDERS:
            raise ApiError(400, "parameter_invalid", "order must be asc or desc")
        with self.workspace.lock:
            entries = self.index.entries("last_request_at", milliseconds(_latest))
            ids = [id for _, id in entries if self.index.records[id].get("user_count") != 0]
            if order == "desc":
                ids.reverse()
            return answer(envelope(call, self.index.fragments(ids[wanted]), len(ids), wanted))

    def company(self, call: Call) -> Answer:
        """One company, by Intercom's id."""
        with self.workspace.lock:
            return answer(self._found(call))

    def notes(self, call: Call) -> Answer:
        """The notes on a company, in numbered pages."""
        wanted = slice_of(call, DEFAULT_NOTES_PER_PAGE)
        with self.workspace.lock:
            company = self._found(call)
            notes = self.workspace.sublists.get((company["id"], "notes"))
            if notes is None:
                notes = (company.get("notes") or {}).get("data", [])
            return answer(envelope(call, notes[wanted], len(notes), wanted))

    def _found(self, call: Call) -> Record:
        company = self.index.records.get(call.params[0])
        if company is None:
            raise not_found("Company Not Found", "company_not_found")
        return company


def _latest(company: Record) -> object:
    return company.get("last_request_at")
