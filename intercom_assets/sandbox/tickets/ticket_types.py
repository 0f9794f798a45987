"""Ticket types: what kinds of tickets there are, and what each of them asks for."""

from __future__ import annotations

from typing import Any

from intercom_assets.sandbox.plan import DAY, Plan, Record
from intercom_assets.sandbox.tickets import states

CUSTOMER, BACK_OFFICE, TRACKER = "Customer", "Back-office", "Tracker"
_FIRST_TYPE = 1_295
_ATTRIBUTES_OF_A_TYPE = 20
# category, name, description, icon, whether Intercom made it, archived
_TYPES = (
    (CUSTOMER, "Bug", "Something that does not work", "🐞", False, False),
    (BACK_OFFICE, "Refund", "Money that goes back", "💶", False, False),
    (TRACKER, "Incident", "One cause of many questions", "🚨", False, False),
    (CUSTOMER, "Feature request", "Wünsche", "🌟", False, False),
    (BACK_OFFICE, "Task", "", "🎟️", True, False),
    (CUSTOMER, "Old form", "Not in use any more", "📼", False, True),
)
TYPES = len(_TYPES)
IN_USE = TYPES - 1
# name, data_type, input_options
_COMMON: tuple[tuple[str, str, Record | None], ...] = (
    ("_default_title_", "string", {"multiline": False}),
    ("_default_description_", "string", {"multiline": True}),
)
_PRIORITY = {"options": [{"id": "low", "label": "Low"}, {"id": "high", "label": "Hoch ❗"}]}
_OWN: dict[str, tuple[tuple[str, str, Record | None], ...]] = {
    CUSTOMER: (
        ("Größe.cm", "integer", None),
        ("priority", "list", _PRIORITY),
        ("Due date", "datetime", None),
        ("Screenshots", "files", {"allow_multiple_values": True}),
        ("reproducible", "boolean", None),
    ),
    BACK_OFFICE: (("amount", "decimal", None), ("approved by", "string", {"multiline": False})),
    TRACKER: (("severity", "list", _PRIORITY), ("affected accounts", "integer", None)),
}


def ticket_type(plan: Plan, n: int, at: int | None = None) -> Record:
    """The nth type; beyond those of the sandbox, one more for customers."""
    known = n < TYPES
    category, name, description, icon, internal, archived = _TYPES[n % TYPES]
    created_at = max(plan.anchor - plan.span // (n + 1), plan.start) if at is None else at
    ident = _FIRST_TYPE + n
    return {
        "type": "ticket_type",
        "id": str(ident),
        "category": category,
        "name": name if known else f"{name} {n}",
        "description": description,
        "icon": icon,
        "workspace_id": plan.id_code,
        "is_internal": internal,
        "archived": archived,
        "created_at": created_at,
        "updated_at": min(created_at + n * DAY, plan.anchor) if at is None else at,
        "ticket_type_attributes": {
            "type": "list",
            "data": [
                _attribute(plan, ident, k, attribute, created_at)
                for k, attribute in enumerate((*_COMMON, *_OWN[category]))
            ],
        },
        "ticket_states": {"type": "list", "data": states.states()},
    }


def _attribute(
    plan: Plan, type_id: int, n: int, attribute: tuple[str, str, Record | None], at: int
) -> Record:
    name, data_type, input_options = attribute
    built_in = n < len(_COMMON)
    return {
        "type": "ticket_type_attribute",
        "id": str(type_id * _ATTRIBUTES_OF_A_TYPE + n),
        "workspace_id": plan.id_code,
        "name": name,
        "description": "" if built_in else f"What {name} means for a ticket",
        "data_type": data_type,
        "input_options": input_options,
        "order": n,
        "required_to_create": n == 0,
        "required_to_create_for_contacts": False,
        "visible_on_create": True,
        "visible_to_contacts": built_in,
        "default": built_in,
        "ticket_type_id": type_id,
        "archived": name == "approved by",
        "created_at": at,
        "updated_at": at,
    }


def embedded(kind: Record) -> Record:
    """A type as a ticket shows it: with its attributes, without its states."""
    return {key: value for key, value in kind.items() if key != "ticket_states"}


def attribute_called(kind: Record, name: str) -> Record:
    """An attribute of a type, by its name.

    Raises:
        KeyError: There is none.
    """
    for attribute in kind["ticket_type_attributes"]["data"]:
        if attribute["name"] == name:
            return dict(attribute)
    raise KeyError(name)


def values(kind: Record, n: int) -> Record:
    """What the nth ticket answers to the attributes of its type; some leave them open."""
    filled: dict[str, Any] = {
        "_default_title_": f"It does not work № {n}",
        "_default_description_": "<p>At all.</p>" if n % 4 else None,
        "Größe.cm": (7, None, 180)[n % 3],
        "priority": ("Low", "Hoch ❗", None)[n % 3],
        "Due date": (1_700_000_000 + n * DAY, "2023-11-14T22:13:20.000+00:00", None)[n % 3],
        "Screenshots": [_file(n)] if n % 5 == 0 else [],
        "reproducible": n % 2 == 0,
        "amount": (n + 0.5, 2**53 + n, None)[n % 3],
        "approved by": "Ada" if n % 7 == 0 else None,
        "severity": "Hoch ❗",
        "affected accounts": n,
    }
    names = [attribute["name"] for attribute in kind["ticket_type_attributes"]["data"]]
    return {name: filled[name] for name in names}


def _file(n: int) -> Record:
    return {
        "type": "upload",
        "name": f"größer {n}.png",
        # Signed for half an hour.
        "url": f"https://files.example.com/tickets/{n}.png?expires=1700000000&signature=abc",
        "content_type": "image/png",
        "filesize": 56_789,
        "width": 640,
        "height": 480,
    }
