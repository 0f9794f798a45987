"""The message that a conversation began with, over every channel."""

from __future__ import annotations

from intercom_assets.sandbox import authors, words
from intercom_assets.sandbox.plan import Plan, Record

# type, delivered_as
_CHANNELS = (
    ("conversation", "customer_initiated"),
    ("email", "customer_initiated"),
    ("conversation", "admin_initiated"),
    ("whatsapp", "customer_initiated"),
    ("push", "campaign_initiated"),
    ("phone_call", "customer_initiated"),
    ("twitter", "customer_initiated"),
    ("conversation", "operator_initiated"),
    ("sms", "automated"),
    ("unknown", "customer_initiated"),
)
_TWITTER_NOTICE = "<p>Twitter does not allow this message to be shown here.</p>"


class Sources:
    """Makes the heads of conversations."""

    def __init__(self, plan: Plan, admins: list[Record]) -> None:
        self._admins = [authors.of_source(authors.of_admin(admin)) for admin in admins]
        self._first = 403_918_334 + plan.seed % 1000

    def make(self, n: int, contact: Record) -> Record:
        """The head of the nth conversation."""
        kind, delivered_as = _CHANNELS[n % len(_CHANNELS)]
        source: Record = {
            "type": kind,
            "id": str(self._first + n) if n % 10 != 9 else None,
            "delivered_as": delivered_as,
            "subject": "" if n % 4 else None,
            "body": f"{words.BODIES[n % len(words.BODIES)]}<p>Conversation {n}</p>",
            "author": self._author(kind, delivered_as, n, contact),
            "attachments": _attachments(n),
            "url": f"https://app.example.com/page/{n}" if kind == "conversation" else None,
            "redacted": False,
        }
        if kind == "email":
            source.update(_email(n, source["author"]))
        elif kind == "twitter":
            source["body"] = _TWITTER_NOTICE
        if n % 40 == 13:
            source.update(redacted=True, body=None)
        return source

    def _author(self, kind: str, delivered_as: str, n: int, contact: Record) -> Record:
        if kind == "twitter":
            return {"type": "user", "id": None, "name": None, "email": None}
        if delivered_as == "customer_initiated" or not self._admins:
            return authors.of_source(contact)
        if delivered_as == "operator_initiated":
            return authors.of_source(authors.FIN)
        return self._admins[n % len(self._admins)]


def _email(n: int, author: Record) -> Record:
    subject = f"{words.TITLES[n % len(words.TITLES)]} <b>&amp;</b> more"
    return {
        "subject": subject,
        "recipients": [
            {"type": "to", "email": "support@example.com", "drop_reason": None},
            {"type": "cc", "email": "nobody@example.invalid", "drop_reason": "undeliverable"},
        ],
        "reply_to": [{"email": "replies@example.com", "name": "Replies"}],
        "email_message_metadata": {
            "message_id": f"<{n}.head@mail.example.com>",
            "subject": subject,
            "email_address_headers": [
                {"type": "from", "email_address": author["email"], "name": author["name"]},
                {"type": "to", "email_address": "support@example.com", "name": "Support"},
            ],
            "history": "<div>On Jan 28 someone wrote:<blockquote>Earlier</blockquote></div>",
        },
    }


def _attachments(n: int) -> list[Record]:
    if n % 9 != 1:
        return []
    return [
        {
            "type": "upload",
            "name": "facture n°1.pdf",
            "url": f"https://files.example.com/{n}/facture.pdf?signature=abc",
            "content_type": "application/pdf",
            "filesize": 12_345,
            "width": 210,
            "height": 297,
        }
    ]
