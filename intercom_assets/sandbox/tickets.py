"""The ticket that a conversation may also be."""

from __future__ import annotations

from intercom_assets.sandbox.plan import Record

_CATEGORIES = ("Customer", "Back-office", "Tracker")


def ticket(n: int, contacts: Record, created_at: int, updated_at: int) -> Record:
    category = _CATEGORIES[n % len(_CATEGORIES)]
    return {
        "type": "ticket",
        "id": str(70_000 + n),
        "ticket_id": str(n + 1),
        "category": category,
        "ticket_attributes": {
            "_default_title_": "It does not work",
            "_default_description_": "At all.",
            "Größe": 7,
        },
        "ticket_state": {
            "type": "ticket_state",
            "id": "7493",
            "category": "submitted",
            "internal_label": "Submitted",
            "external_label": "Received 📬",
        },
        "ticket_type": {
            "type": "ticket_type",
            "id": "1295",
            "category": category,
            "name": "Bug",
            "description": "Something that does not work",
            "icon": "🐞",
            "archived": False,
        },
        "contacts": contacts,
        "admin_assignee_id": 0,
        "team_assignee_id": 0,
        "created_at": created_at,
        "updated_at": updated_at,
        "open": True,
        "snoozed_until": None,
        "is_shared": n % 2 == 0,
    }
