"""Calls about tickets: search, one with its parts, their types and states."""

from __future__ import annotations

from intercom_assets.sandbox.calls import Answer, Call, Route, Version, answer, not_found, since
from intercom_assets.sandbox.index import Index, Record
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.search import Search

PER_PAGE = 20
# Older parts cannot be reached at all.
NEWEST_PARTS = 500
# From these versions on there are tickets, their search, and states that are objects.
TICKETS: Version = (2, 9)
SEARCH: Version = (2, 10)
STATES: Version = (2, 12)


class TicketRoutes:
    """Answers about tickets; a ticket has its parts in searches, too."""

    def __init__(self, index: Index, options: Options) -> None:
        self.index = index
        self.workspace = index.workspace
        index.shown = self.whole
        self.searching = Search(
            index, options, key="tickets", kind="ticket.list", per_page=PER_PAGE
        )

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        return {
            ("POST", "/tickets/search"): since(SEARCH, self.searching.search),
            ("GET", "/tickets/*"): since(TICKETS, self.ticket),
            ("GET", "/ticket_types"): since(TICKETS, self.types),
            ("GET", "/ticket_types/*"): since(TICKETS, self.type),
            ("GET", "/ticket_states"): since(STATES, self.states),
        }

    def whole(self, ticket: Record) -> Record:
        """A ticket with its newest parts."""
        parts = self.workspace.ticket_parts.get(ticket["id"], [])
        listed = {
            "type": "ticket_part.list",
            "ticket_parts": parts[-NEWEST_PARTS:],
            "total_count": len(parts),
        }
        return {**ticket, "ticket_parts": listed}

    def ticket(self, call: Call) -> Answer:
        """One ticket, by Intercom's id."""
        with self.workspace.lock:
            if call.params[0] not in self.index.records:
                raise not_found("Ticket not found", "ticket_not_found")
            return answer(self.index.fragments(call.params)[0])

    def types(self, call: Call) -> Answer:
        """All ticket types with their attributes, archived ones too."""
        with self.workspace.lock:
            # An older version's list has a name of its own.
            key = "data" if call.version >= STATES else "ticket_types"
            return answer({"type": "list", key: list(self.workspace.ticket_types.values())})

    def type(self, call: Call) -> Answer:
        """One ticket type."""
        with self.workspace.lock:
            found = self.workspace.ticket_types.get(call.params[0])
            if found is None:
                raise not_found()
            return answer(found)

    def states(self, call: Call) -> Answer:
        """All ticket states with the types that use them, archived ones too."""
        with self.workspace.lock:
            return answer({"type": "list", "data": list(self.workspace.ticket_states.values())})
