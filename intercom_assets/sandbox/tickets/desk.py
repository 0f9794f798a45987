"""The ticket desk: types, states, tickets and their parts, and how more of them are made.

Some tickets are made of conversations, and trackers are linked to them.
"""

from __future__ import annotations

from itertools import count, islice

from intercom_assets.sandbox.moments import Moments
from intercom_assets.sandbox.plan import DAY, Plan, Record
from intercom_assets.sandbox.tickets import states, ticket_types
from intercom_assets.sandbox.tickets.parts import author_of
from intercom_assets.sandbox.tickets.tickets import Tickets, link

COLLECTIONS = ("ticket_types", "ticket_states", "tickets")
# Longer than what Intercom gives out of a ticket.
_LONG = 520
_LONG_FROM = 7
# One conversation in so many became a ticket.
_CONVERTED_ONE_IN = 12
_LINKED_AT_MOST = 3


class Desk:
    """All about tickets; the tables are plain dicts in the order of making."""

    def __init__(
        self,
        plan: Plan,
        admins: list[Record],
        teams: list[Record],
        contacts: dict[str, Record],
    ) -> None:
        self._plan = plan
        self._rng = plan.rng("tickets")
        self._contacts = contacts
        kinds = [ticket_types.ticket_type(plan, n) for n in range(ticket_types.TYPES)]
        self.types = {kind["id"]: kind for kind in kinds}
        found = [states.detailed(n, kinds) for n in range(states.STATES)]
        self.states = {state["id"]: state for state in found}
        self.tickets: dict[str, Record] = {}
        self.parts: dict[str, list[Record]] = {}
        self._numbers = {
            "ticket_types": count(ticket_types.TYPES),
            "ticket_states": count(states.STATES),
        }
        self._make = Tickets(plan, kinds, admins, teams)
        self.move = self._make.move
        self.next_state = self._make.next_state

    def fill(self, conversations: list[Record]) -> None:
        """Makes the tickets of the plan, ordered by creation."""
        converted = islice(conversations, 5, None, _CONVERTED_ONE_IN)
        unlinked, people = iter(conversations), list(self._contacts.values())
        for n, (created_at, updated_at) in enumerate(_times(self._plan)):
            category = self._make.next_category()
            conversation = next(converted, None) if category == ticket_types.CUSTOMER else None
            if conversation is not None:
                created_at, updated_at = conversation["created_at"], conversation["updated_at"]
            who = self._participants(category, conversation, people)
            length = _length(self._plan, n, self._rng.random())
            times = _part_times(created_at, updated_at, length, n)
            ticket, parts = self._make.make(created_at, updated_at, who, times)
            self.tickets[ticket["id"]], self.parts[ticket["id"]] = ticket, parts
            if conversation is not None:
                conversation["ticket"] = picture(ticket)
            if category == ticket_types.TRACKER:
                for linked in islice(unlinked, n % (_LINKED_AT_MOST + 1)):
                    link(ticket, linked)

    def _participants(
        self, category: str, conversation: Record | None, people: list[Record]
    ) -> list[Record]:
        """Those of the conversation, else somebody; a tracker has none."""
        if conversation is not None:
            return [self._contacts[one["id"]] for one in conversation["contacts"]["contacts"]]
        if category == ticket_types.TRACKER or not people:
            return []
        return [people[int(self._rng.random() * len(people))]]

    def create(self, collection: str, at: int) -> Record:
        """One more record of a collection, made at a time; the tables are not touched."""
        if collection == "tickets":
            people = list(self._contacts.values())
            who = self._participants(self._make.next_category(), None, people)
            return self._make.make(at, at, who, [])[0]
        n = next(self._numbers[collection])
        if collection == "ticket_types":
            return ticket_types.ticket_type(self._plan, n, at)
        return states.detailed(n, [])

    def part(self, ticket: Record, at: int, kind: str) -> Record:
        """One more part of a ticket, not yet put there."""
        listed = ticket["contacts"]["contacts"]
        contact = self._contacts.get(listed[0]["id"]) if listed else None
        return self._make.part(ticket, at, contact and author_of(contact), kind)


def picture(ticket: Record) -> Record:
    """A ticket as it was when the conversation became it."""
    left_out = ("linked_objects", "previous_ticket_state_id", "channel")
    return {key: value for key, value in ticket.items() if key not in left_out}


def _times(plan: Plan) -> list[tuple[int, int]]:
    moments = Moments(plan, "tickets")
    drawn = (moments.draw() for _ in range(plan.tickets))
    return sorted((moments.before(moment, 20 * DAY), moment) for moment in drawn)


def _length(plan: Plan, n: int, chance: float) -> int:
    usual = plan.parts_per_ticket
    if 0 <= n - _LONG_FROM < plan.long_tickets and usual:
        return _LONG
    # Some have none, and their share is made up for by the others.
    return 0 if n % 20 == 11 else int(chance * (2 * usual + 1))


def _part_times(created_at: int, updated_at: int, length: int, n: int) -> list[int]:
    """Times of parts, evenly between the two; one ticket in ten hears a last word later on.

    Intercom does not move a ticket's updated_at for every part.
    """
    if not length:
        return []
    times = [
        created_at + (updated_at - created_at) * (place + 1) // length for place in range(length)
    ]
    if n % 10 == 7:
        times[-1] += 3
    return times
