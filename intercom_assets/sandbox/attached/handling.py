"""When teammates paused and resumed a conversation."""

from __future__ import annotations

from datetime import datetime, timezone

from intercom_assets.sandbox import authors
from intercom_assets.sandbox.chance import draw
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables

# One conversation in so many was paused.
_SHARE = 4
_MINUTE = 60


def handling_events(tables: Tables, conversation_id: str) -> list[Record]:
    """The events of a conversation, oldest first; their ids are numbers, their times ISO."""
    conversation = tables.conversations.get(conversation_id)
    if conversation is None or draw(conversation_id, "paused", _SHARE):
        return []
    admins = list(tables.admins.values()) or [authors.DEPARTED]
    admin = admins[draw(conversation_id, "pauses", len(admins))]
    teammate = {
        "type": "admin",
        "id": int(admin["id"]),
        "name": admin["name"],
        "email": admin["email"],
    }
    events: list[Record] = []
    for turn in range(1 + draw(conversation_id, "pauses", 3)):
        at = conversation["created_at"] + turn * 20 * _MINUTE
        paused = {"teammate": teammate, "type": "paused", "timestamp": _iso(at), "reason": "Away"}
        resumed = {"teammate": teammate, "type": "resumed", "timestamp": _iso(at + 10 * _MINUTE)}
        events += [paused, resumed]
    return events


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
