"""What people did, as the company's own application reports it."""

from __future__ import annotations

from datetime import datetime, timezone

from intercom_assets.sandbox.chance import draw
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables

# One person in so many did more than fits on a page.
_BUSY_SHARE = 25
_BUSY = 120
_NAMES = ("placed-order", "invited-friend", "Login ✨", "updated-plan")


def events_of(tables: Tables, contact_id: str) -> list[Record]:
    """All events of a contact, oldest first."""
    contact = tables.contacts.get(contact_id)
    if contact is None:
        return []
    busy = draw(contact_id, "busy", _BUSY_SHARE) == 0
    count = _BUSY if busy else draw(contact_id, "events", 6)
    start, end = contact["created_at"], contact["updated_at"]
    return [event(contact, n, start + (end - start) * (n + 1) // count) for n in range(count)]


def event(contact: Record, n: int, at: int) -> Record:
    """The nth event of a contact."""
    record: Record = {
        "type": "event",
        "event_name": _NAMES[draw(contact["id"], f"event {n}", len(_NAMES))],
        "created_at": at,
        "user_id": contact["external_id"],
        "intercom_user_id": contact["id"],
        "email": contact["email"],
        "metadata": _metadata(n),
    }
    # Not all of them have an id.
    return record if n % 4 == 3 else {"id": f"{contact['id']}-{n:04}", **record}


def _metadata(n: int) -> Record:
    """Plain values, and the rich ones that Intercom shows as links and prices."""
    forms: tuple[Record, ...] = (
        {},
        {"invite_code": "ADDAFRIEND", "count": n},
        {"order": {"url": f"https://example.com/orders/{n}", "value": f"№ {n}"}},
        {"price": {"amount": 34_999 + n, "currency": "eur"}, "größe.cm": 1.5},
    )
    return forms[n % len(forms)]


def summaries(events: list[Record]) -> list[Record]:
    """How often each event took place, old ones too."""
    names = dict.fromkeys(event["event_name"] for event in events)
    return [
        {
            "name": name,
            "first": _iso(min(times)),
            "last": _iso(max(times)),
            "count": len(times),
            "description": f"Somebody did {name}",
        }
        for name in names
        for times in [[e["created_at"] for e in events if e["event_name"] == name]]
    ]


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")
