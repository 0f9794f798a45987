"""Calls about events: those of one person, newest first, and how many there were of each."""

from __future__ import annotations

from urllib.parse import urlencode

from intercom_assets.sandbox.attached import attached
from intercom_assets.sandbox.attached.events import summaries
from intercom_assets.sandbox.calls import Answer, ApiError, Call, Route, answer, not_found
from intercom_assets.sandbox.plan import DAY, Record
from intercom_assets.sandbox.tables import Tables

PER_PAGE = 50
MAX_PER_PAGE = 150
# Older ones are counted, and no longer listed.
LISTED_DAYS = 90
# What a person is named by, and the field of a contact that has it.
IDENTIFIERS = {"intercom_user_id": "id", "user_id": "external_id", "email": "email"}

Timed = tuple[int, Record]


class EventRoutes:
    """Answers about events."""

    def __init__(self, workspace: Tables) -> None:
        self.workspace = workspace

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        return {("GET", "/events"): self.events}

    def events(self, call: Call) -> Answer:
        """A page of a person's events, whose successor is named by a time in milliseconds."""
        if call.query.get("type") != "user":
            raise ApiError(400, "parameter_invalid", "type must be user")
        per_page = call.number("per_page", PER_PAGE, MAX_PER_PAGE)
        with self.workspace.lock:
            contact = self._contact(call)
            events = attached(self.workspace, contact["id"], "events")
        names = {"email": contact["email"], "intercom_user_id": contact["id"]}
        names["user_id"] = contact["external_id"]
        if call.flag("summary"):
            return answer({"type": "event.summary", "events": summaries(events), **names})
        found = self._wanted(call, events)
        page = found[:per_page]
        pages = {"since": _address(call, since=page[0][0])} if page else {}
        if len(found) > per_page:
            pages["next"] = _address(call, before=page[-1][0])
        listed = [event for _, event in page]
        return answer({"type": "event.list", "events": listed, "pages": pages, **names})

    def _contact(self, call: Call) -> Record:
        for name, field in IDENTIFIERS.items():
            wanted = call.query.get(name)
            if wanted is not None:
                for contact in self._candidates(field, wanted):
                    if contact[field] == wanted:
                        return contact
                raise not_found("User Not Found")
        raise ApiError(400, "parameter_missing", f"one of {', '.join(IDENTIFIERS)} is required")

    def _candidates(self, field: str, wanted: str) -> list[Record]:
        if field != "id":
            return list(self.workspace.contacts.values())
        return [self.workspace.contacts[wanted]] if wanted in self.workspace.contacts else []

    def _wanted(self, call: Call, events: list[Record]) -> list[Timed]:
        """The events that are young enough, newest first."""
        # Several may share a second; a call names the place after one of them.
        timed = [(event["created_at"] * 1000 + n % 1000, event) for n, event in enumerate(events)]
        oldest = (self.workspace.clock.now() - LISTED_DAYS * DAY) * 1000
        since = max(oldest, call.number("since", 1))
        before = call.number("before", 1) if "before" in call.query else None
        return [
            (at, event)
            for at, event in sorted(timed, key=lambda one: one[0], reverse=True)
            if at > since and (before is None or at < before)
        ]


def _address(call: Call, **bound: int) -> str:
    kept = {name: value for name, value in call.query.items() if name not in ("before", "since")}
    return f"{call.url.partition('?')[0]}?{urlencode({**kept, **bound})}"
