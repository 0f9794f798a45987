"""Ticket states: the four that Intercom gives, some that the workspace added, one archived."""

from __future__ import annotations

from intercom_assets.sandbox.plan import Record

_FIRST_STATE = 8_269
# category, internal label, external label, archived
_STATES = (
    ("submitted", "Submitted", "Received 📬", False),
    ("in_progress", "In progress", "In progress", False),
    ("waiting_on_customer", "Waiting on customer", "Waiting on you", False),
    ("resolved", "Resolved", "Resolved", False),
    ("in_progress", "With dev team 🛠️", "Wird geprüft", False),
    ("resolved", "Won't fix", "Closed", False),
    ("in_progress", "Escalated (old)", "Escalated", True),
)
SUBMITTED, IN_PROGRESS, WAITING, RESOLVED, WITH_DEVELOPERS, WONT_FIX, _ = range(len(_STATES))
STATES = len(_STATES)
# What happens to a ticket, over and over, however often it is reopened.
_WAYS = (
    (IN_PROGRESS, RESOLVED, WITH_DEVELOPERS, WAITING),
    (WITH_DEVELOPERS, WAITING, RESOLVED, IN_PROGRESS),
    (RESOLVED, IN_PROGRESS, RESOLVED, WAITING),
    (WAITING, WONT_FIX, IN_PROGRESS, RESOLVED),
)


def state(n: int) -> Record:
    """The nth state, as tickets and their types show it."""
    category, internal, external, _ = _row(n)
    return {
        "type": "ticket_state",
        "id": str(_FIRST_STATE + n),
        "category": category,
        "internal_label": internal,
        "external_label": external,
    }


def _row(n: int) -> tuple[str, str, str, bool]:
    """A state of the table, or beyond it one more of a team's own."""
    return _STATES[n] if n < STATES else ("in_progress", f"State {n}", f"State {n}", False)


def states() -> list[Record]:
    """All states, in short."""
    return [state(n) for n in range(STATES)]


def detailed(n: int, ticket_types: list[Record]) -> Record:
    """The nth state as `GET /ticket_states` lists it, with the types that use it."""
    kept = ("type", "id", "name", "description", "icon", "archived", "is_internal", "category")
    users = [
        {key: kind[key] for key in kept}
        for kind in ticket_types
        if any(used["id"] == state(n)["id"] for used in kind["ticket_states"]["data"])
    ]
    types = {"type": "list", "data": users}
    return {**state(n), "ticket_types": types, "archived": _row(n)[3]}


def following(turn: int, step: int) -> int:
    """The number of the state that a ticket of the nth turn of mind takes at a step."""
    way = _WAYS[turn % len(_WAYS)]
    return way[step % len(way)]
