"""Ticket parts: what was said about a ticket, and the history of its states."""

from __future__ import annotations

from intercom_assets.sandbox import authors, words
from intercom_assets.sandbox.plan import Plan, Record
from intercom_assets.sandbox.tickets.ticket_types import attribute_called

STATE_CHANGE = "ticket_state_updated_by_admin"
ATTRIBUTE_CHANGE = "ticket_attribute_updated_by_admin"
_FIRST_PART = 9_900
_BOT = {key: authors.FIN[key] for key in ("type", "id", "name", "email")}
_BLANK: Record = {
    "type": "ticket_part",
    "id": "",
    "part_type": "comment",
    "body": None,
    "created_at": 0,
    "updated_at": 0,
    "assigned_to": None,
    "author": None,
    "attachments": [],
    "external_id": None,
    "redacted": False,
}
# Every third part moves the state on, and between them these take turns.
_BETWEEN = ("comment", "note", "comment", "assignment", ATTRIBUTE_CHANGE, "comment", "quick_reply")


class TicketParts:
    """Makes parts of tickets, one after the other."""

    def __init__(self, plan: Plan, admins: list[Record], teams: list[Record]) -> None:
        self._admins = [*map(_short, admins)] or [_short(authors.DEPARTED)]
        self._teams = [team["id"] for team in teams] or ["0"]
        self._first = _FIRST_PART + plan.seed % 100
        self._made = 0

    def kind(self, place: int) -> str:
        """The kind of part at a place in a ticket; the first says that it was submitted."""
        return STATE_CHANGE if place % 3 == 0 else _BETWEEN[place % len(_BETWEEN)]

    def make(self, kind: str, at: int, contact: Record | None, ticket_type: Record) -> Record:
        """A part that changes no state; `contact` is the author on the customer's side."""
        n = self._made
        self._made += 1
        part = _BLANK.copy()
        part.update(id=str(self._first + n), part_type=kind, created_at=at, updated_at=at)
        admin = self._admins[n % len(self._admins)]
        part["author"] = contact if contact and n % 2 and kind == "comment" else admin
        if kind in ("comment", "note"):
            part["body"] = words.BODIES[n % len(words.BODIES)]
            part["attachments"] = [_attachment(n)] if n % 17 == 2 else []
        elif kind == "assignment":
            part["assigned_to"] = self._assignee(n)
        elif kind == ATTRIBUTE_CHANGE:
            part["updated_attribute_data"] = _attribute_change(n, ticket_type)
        if n % 13 == 4:
            # Only what came over the API says so.
            part.update(external_id=f"ext-{n}", app_package_code="sandbox-integration")
        if n % 31 == 6:
            part.update(redacted=True, body=None)
        return part

    def change_state(self, at: int, before: Record, after: Record) -> Record:
        """The part that tells of a change of state; a part names states by their category."""
        n = self._made
        self._made += 1
        part = _BLANK.copy()
        part.update(id=str(self._first + n), part_type=STATE_CHANGE, created_at=at, updated_at=at)
        part["author"] = self._admins[n % len(self._admins)] if n % 4 else _BOT
        part.update(previous_ticket_state=before["category"], ticket_state=after["category"])
        return part

    def _assignee(self, n: int) -> Record:
        if n % 2:
            return {"type": "team", "id": self._teams[n % len(self._teams)]}
        return {"type": "admin", "id": self._admins[n % len(self._admins)]["id"]}


def author_of(contact: Record) -> Record:
    """A contact as the author of a part; leads are called users, too."""
    return {**_short(contact), "type": "user"}


def _short(author: Record) -> Record:
    return {key: author[key] for key in ("type", "id", "name", "email")}


def _attachment(n: int) -> Record:
    return {
        "type": "upload",
        "name": f"écran n°{n}.png",
        "url": f"https://files.example.com/tickets/parts/{n}.png?expires=1700000000&signature=abc",
        "content_type": "image/png",
        "filesize": 1_234,
        "width": 640,
        "height": 480,
    }


def _attribute_change(n: int, ticket_type: Record) -> Record:
    """The value is text, or for files a list of their ids; null when it was emptied."""
    title = attribute_called(ticket_type, "_default_title_")
    values: tuple[Record, ...] = (
        {"type": "value", "id": "New title", "label": "New title"},
        {"type": "value", "id": None, "label": ""},
        {"type": "value", "id": [2, n], "label": ["photo.png", "größer.png"]},
    )
    return {
        "attribute": {"type": "attribute", "id": title["id"], "label": title["name"]},
        "value": values[n % len(values)],
    }
