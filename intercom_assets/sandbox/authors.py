"""Who speaks in a conversation: people, teammates, and bots that no list of admins knows."""

from __future__ import annotations

from intercom_assets.sandbox.plan import Record

FIN: Record = {
    "type": "bot",
    "id": "278",
    "name": "Fin",
    "email": "operator+sandbox@intercom.example",
    "from_ai_agent": True,
    "is_ai_answer": True,
}
# Someone who left: the id is in conversations, but no longer among the admins.
DEPARTED: Record = {
    "type": "admin",
    "id": "274",
    "name": "Long Gone",
    "email": "gone@example.com",
    "from_ai_agent": False,
    "is_ai_answer": False,
}
# What is left of the author of a message that came over Twitter.
BLANK: Record = {
    "type": "user",
    "id": "",
    "name": None,
    "email": "",
    "from_ai_agent": False,
    "is_ai_answer": False,
}
UNKNOWN_CONTACT: Record = {**BLANK, "type": "lead", "id": "000000000000000000000000"}


def of_admin(admin: Record) -> Record:
    return _author("admin", admin)


def of_contact(contact: Record) -> Record:
    return _author(contact["role"], contact)


def _author(kind: str, who: Record) -> Record:
    return {
        "type": kind,
        "id": who["id"],
        "name": who["name"],
        "email": who["email"],
        "from_ai_agent": False,
        "is_ai_answer": False,
    }


def of_source(author: Record) -> Record:
    """The shorter form at the head of a conversation."""
    return {key: author[key] for key in ("type", "id", "name", "email")}
