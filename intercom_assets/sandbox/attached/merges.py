"""The contacts that were merged into others."""

from __future__ import annotations

from intercom_assets.sandbox.chance import draw
from intercom_assets.sandbox.plan import DAY, Record
from intercom_assets.sandbox.tables import Tables

# One user in so many took over somebody before the workspace's history begins.
_SHARE = 20


def merge_history(tables: Tables, contact_id: str) -> list[Record]:
    """Those who were merged into a user, oldest first; into leads nobody is."""
    contact = tables.contacts.get(contact_id)
    if contact is None or contact["role"] != "user" or draw(contact_id, "merges", _SHARE):
        return []
    return [
        merge(f"{contact_id[:20]}{number:04x}", ("lead", "user")[number % 2], at)
        for number in range(1 + draw(contact_id, "how many merges", 3))
        # When the first of all took place, nobody noted.
        for at in ([contact["created_at"] + number * DAY] if number else [None])
    ]


def merge(source_id: str, role: str, at: int | None) -> Record:
    """One entry of a merge history."""
    return {
        "type": "merge_history",
        "source_contact_id": source_id,
        "source_contact_role": role,
        "merged_at": at,
    }
