"""Side conversations: what teammates talk over among themselves."""

from __future__ import annotations

from intercom_assets.sandbox import authors, words
from intercom_assets.sandbox.chance import draw
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables

# One conversation in so many has any, and one in so many of those more than a page of them.
_SHARE = 6
_MANY_SHARE = 6
_MANY = 27


def side_conversations(tables: Tables, conversation_id: str) -> list[Record]:
    """The side conversations of a conversation, with their parts."""
    conversation = tables.conversations.get(conversation_id)
    if conversation is None or draw(conversation_id, "sides", _SHARE):
        return []
    many = draw(conversation_id, "many sides", _MANY_SHARE) == 0
    count = _MANY if many else 1 + draw(conversation_id, "how many sides", 2)
    return [_side(tables, conversation, n) for n in range(count)]


def _side(tables: Tables, conversation: Record, n: int) -> Record:
    ident = f"{conversation['id']}{n:03}"
    admins = list(tables.admins.values()) or [authors.DEPARTED]
    parts = [
        {
            "type": "conversation_part",
            "id": f"{ident}{place}",
            "part_type": "comment",
            "body": words.BODIES[(n + place) % len(words.BODIES)],
            "author": authors.of_source(authors.of_admin(admins[(n + place) % len(admins)])),
            "created_at": conversation["created_at"] + place,
            "updated_at": conversation["created_at"] + place,
        }
        for place in range(1 + n % 3)
    ]
    return {"side_conversation_id": ident, "conversation_parts": parts, "total_count": len(parts)}
