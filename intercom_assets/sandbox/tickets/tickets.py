"""Tickets, as search answers them but for their parts, which hang beside them."""

from __future__ import annotations

from intercom_assets.sandbox.plan import DAY, Plan, Record
from intercom_assets.sandbox.tickets import states, ticket_types
from intercom_assets.sandbox.tickets.parts import STATE_CHANGE, TicketParts, author_of

_FIRST_TICKET = 70_000


class Tickets:
    """Makes tickets with their parts, one after the other."""

    def __init__(
        self, plan: Plan, kinds: list[Record], admins: list[Record], teams: list[Record]
    ) -> None:
        self._plan = plan
        self._kinds = kinds
        # Objects that many tickets share: replace them, never change them.
        self._embedded = {kind["id"]: ticket_types.embedded(kind) for kind in kinds}
        self._states = states.states()
        self._admins, self._teams = admins, teams
        self._parts = TicketParts(plan, admins, teams)
        self._made = 0

    def next_category(self) -> str:
        """The category of the ticket that is made next."""
        return str(self._kind(self._made)["category"])

    def _kind(self, n: int) -> Record:
        return self._kinds[n % ticket_types.IN_USE]

    def make(
        self, created_at: int, updated_at: int, contacts: list[Record], times: list[int]
    ) -> tuple[Record, list[Record]]:
        """The next ticket, and a part for each of the times."""
        n = self._made
        self._made += 1
        kind = self._embedded[self._kind(n)["id"]]
        record: Record = {
            "type": "ticket",
            "id": str(_FIRST_TICKET + n * 3 + self._plan.seed % 50),
            "ticket_id": str(n + 1),
            "category": kind["category"],
            "ticket_attributes": ticket_types.values(kind, n),
            "ticket_state": self._states[states.SUBMITTED],
            "previous_ticket_state_id": None,
            "ticket_type": kind,
            "contacts": {"type": "contact.list", "contacts": [*map(_reference, contacts)]},
            "admin_assignee_id": int(self._admins[n % len(self._admins)]["id"])
            if self._admins and n % 3
            else 0,
            "team_assignee_id": int(self._teams[n % len(self._teams)]["id"])
            if self._teams and n % 4
            else 0,
            "created_at": created_at,
            "updated_at": updated_at,
            "open": True,
            "snoozed_until": self._plan.anchor + DAY if n % 23 == 9 else None,
            "linked_objects": linked([]),
            "is_shared": kind["category"] == ticket_types.CUSTOMER,
            "channel": {"initial": "messenger", "current": ("messenger", "email")[n % 2]},
        }
        contact = author_of(contacts[0]) if contacts else None
        parts = [self._part(record, place, at, contact, n) for place, at in enumerate(times)]
        return record, parts

    def _part(self, ticket: Record, place: int, at: int, contact: Record | None, n: int) -> Record:
        kind = self._parts.kind(place)
        if kind != STATE_CHANGE:
            return self.part(ticket, at, contact, kind)
        # The first says that the ticket was submitted, and nothing was before that.
        after = states.following(n, place // 3 - 1) if place else states.SUBMITTED
        fields, part = self.move(ticket, self._states[after]["id"], at)
        ticket.update(fields)
        return part

    def part(self, ticket: Record, at: int, contact: Record | None, kind: str) -> Record:
        """One more part, which changes no state; `contact` may be its author."""
        return self._parts.make(kind, at, contact, ticket["ticket_type"])

    def move(self, ticket: Record, state_id: str, at: int) -> tuple[Record, Record]:
        """What changes in a ticket that is put into a state, and the part that tells of it."""
        before = ticket["ticket_state"]
        after = next(state for state in self._states if state["id"] == state_id)
        part = self._parts.change_state(at, before, after)
        if after["id"] == before["id"]:
            return {}, part
        fields = {
            "ticket_state": after,
            "previous_ticket_state_id": before["id"],
            "open": after["category"] != "resolved",
        }
        return fields, part

    def next_state(self, ticket: Record) -> str:
        """Id of the state that usually comes after the ticket's own."""
        ids = [state["id"] for state in self._states[: states.RESOLVED + 1]]
        current = ticket["ticket_state"]["id"]
        place = ids.index(current) if current in ids else states.IN_PROGRESS
        return str(ids[place + 1] if place < states.RESOLVED else ids[states.IN_PROGRESS])


def _reference(contact: Record) -> Record:
    return {"type": "contact", "id": contact["id"], "external_id": contact["external_id"]}


def linked(objects: list[Record]) -> Record:
    """The envelope of linked objects, which has no address for more of them."""
    return {"type": "list", "data": objects, "total_count": len(objects), "has_more": False}


def link(ticket: Record, conversation: Record) -> None:
    """Links a tracker and a conversation; each then names the other."""
    for one, other, category in (
        (ticket, conversation, None),
        (conversation, ticket, ticket["category"]),
    ):
        reference = {"type": other["type"], "id": other["id"], "category": category}
        one["linked_objects"] = linked([*one["linked_objects"]["data"], reference])
