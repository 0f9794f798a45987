"""Calls about companies: scroll, list, lookups, and what hangs on one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from intercom_assets.sandbox.calls import Answer, ApiError, Call, Route, answer, not_found
from intercom_assets.sandbox.index import Index, Record, milliseconds, scrambled
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.routes.pages import envelope, slice_of
from intercom_assets.sandbox.scroll import Scrolls

DEFAULT_PER_PAGE = 15
DEFAULT_NOTES_PER_PAGE = 50
DEFAULT_CONTACTS_PER_PAGE = 50
ORDERS = ("asc", "desc")


def _has(name: str) -> Callable[[Record, str], bool]:
    return lambda company, wanted: any(one["id"] == wanted for one in company[name][name])


FILTERS: dict[str, Callable[[Record, str], bool]] = {
    "company_id": lambda company, wanted: bool(company["company_id"] == wanted),
    "name": lambda company, wanted: bool(company["name"] == wanted),
    "tag_id": _has("tags"),
    "segment_id": _has("segments"),
}


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
            ("GET", "/companies"): self.companies,
            ("GET", "/companies/*"): self.company,
            ("GET", "/companies/*/contacts"): self.contacts,
            ("GET", "/companies/*/segments"): self.segments,
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

    def companies(self, call: Call) -> Answer:
        """Companies by a filter; one by company_id or name that is nobody's is not found."""
        wanted = slice_of(call, DEFAULT_PER_PAGE)
        asked = {name: call.query[name] for name in FILTERS if name in call.query}
        with self.workspace.lock:
            ids = [
                id
                for _, id in self.index.entries("", scrambled)
                if all(FILTERS[name](self.index.records[id], asked[name]) for name in asked)
            ]
            if not ids and asked.keys() & {"company_id", "name"}:
                raise not_found("Company Not Found", "company_not_found")
            return answer(envelope(call, self.index.fragments(ids[wanted]), len(ids), wanted))

    def contacts(self, call: Call) -> Answer:
        """The people of a company, in numbered pages."""
        wanted = slice_of(call, DEFAULT_CONTACTS_PER_PAGE)
        with self.workspace.lock:
            id = self._found(call)["id"]
            people = [
                self.workspace.contacts[owner]
                for (owner, kind), listed in self.workspace.sublists.items()
                if kind == "companies" and any(company["id"] == id for company in listed)
            ]
            return answer(envelope(call, people[wanted], len(people), wanted))

    def segments(self, call: Call) -> Answer:
        """The segments of a company, in one answer."""
        with self.workspace.lock:
            return answer({"type": "list", "data": self._found(call)["segments"]["segments"]})

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
