"""Conversation parts: what was said and done, in every kind that Intercom tells of."""

from __future__ import annotations

from collections.abc import Callable

from intercom_assets.sandbox import authors, words
from intercom_assets.sandbox.plan import Plan, Record

_FIRST_PART = 99_000  # the ids pass from five digits to six
_USER, _ADMIN, _BOT = "user", "admin", "bot"
_QUICK_REPLY = "123e4567-e89b-12d3-a456-426614174000"

_BLANK: Record = {
    "type": "conversation_part",
    "id": "",
    "part_type": "comment",
    "body": None,
    "created_at": 0,
    "updated_at": 0,
    "notified_at": 0,
    "assigned_to": None,
    "author": None,
    "attachments": [],
    "external_id": None,
    "redacted": False,
    "email_message_metadata": None,
    "metadata": None,
    "state": "open",
    "tags": [],
    "event_details": None,
    "app_package_code": None,
}


class Parts:
    """Makes parts, one after the other, turning through all kinds."""

    def __init__(
        self, plan: Plan, admins: list[Record], teams: list[Record], tags: list[Record]
    ) -> None:
        self._admins = [*map(authors.of_admin, admins), authors.DEPARTED]
        self._teams = [team["id"] for team in teams] or ["0"]
        self._tags = tags
        self._first = _FIRST_PART + plan.seed % 100
        self._made = 0

    def make(self, at: int, contact: Record, wanted: str | None = None) -> Record:
        """The next part, at a time; `contact` is the author on the customer's side."""
        n = self._made
        self._made += 1
        kind, speaker, fill = _first(wanted) if wanted else _RING[n % len(_RING)]
        part = _BLANK.copy()
        part["id"] = str(self._first + n)
        part["part_type"] = kind
        part["created_at"] = part["updated_at"] = part["notified_at"] = at
        part["author"] = self._author(speaker, contact, n)
        part["attachments"], part["tags"] = [], []
        if kind in _SPOKEN:
            part["body"] = _body(n)
        if fill is not None:
            fill(self, part, n)
        return part

    def _author(self, speaker: str, contact: Record, n: int) -> Record:
        if speaker == _USER:
            return contact
        return authors.FIN if speaker == _BOT else self._admins[n % len(self._admins)]

    def _assign_admin(self, part: Record, n: int) -> None:
        part["assigned_to"] = {"type": "admin", "id": self._admins[n % len(self._admins)]["id"]}

    def _assign_team(self, part: Record, n: int) -> None:
        part["assigned_to"] = {"type": "team", "id": self._teams[n % len(self._teams)]}

    def _tag(self, part: Record, n: int) -> None:
        part["tags"] = [dict(tag) for tag in self._tags[n % 5 : n % 5 + 2]]


def _body(n: int) -> str:
    if n % 997 == 500:  # someone pasted a log
        return f"<pre>{'All work and no play. ' * 1000}</pre>"
    return f"{words.BODIES[n % len(words.BODIES)]}<p>№ {n}</p>"


def _state(state: str) -> Callable[[Parts, Record, int], None]:
    def fill(parts: Parts, part: Record, n: int) -> None:
        part["state"] = state

    return fill


def _details(**details: Record) -> Callable[[Parts, Record, int], None]:
    def fill(parts: Parts, part: Record, n: int) -> None:
        part["event_details"] = details

    return fill


def _redact(parts: Parts, part: Record, n: int) -> None:
    # Redaction comes later, and says so only here.
    part.update(redacted=True, body=None, updated_at=part["created_at"] + 5)


def _edit(parts: Parts, part: Record, n: int) -> None:
    part["updated_at"] = part["created_at"] + 30
    part["notified_at"] = part["created_at"] + 1


def _attach(parts: Parts, part: Record, n: int) -> None:
    name = f"Screenshot {n} – größer.png"
    part["attachments"] = [
        {
            "type": "upload",
            "name": name,
            "url": f"https://files.example.com/{n}/shot.png?expires=1700000000&signature=abc",
            "content_type": "image/png",
            # Old uploads tell their size as a string.
            "filesize": 56_789 if n % 2 else "56789",
            "width": 640,
            "height": 480,
        }
    ]


def _email(parts: Parts, part: Record, n: int) -> None:
    part["email_message_metadata"] = {
        "subject": f"Re: {words.TITLES[n % len(words.TITLES)]}",
        "message_id": f"<{n}.sandbox@mail.example.com>",
        "email_address_headers": [
            {"type": "from", "email_address": "person@example.com", "name": "A Person"},
            {"type": "to", "email_address": "support@example.com", "name": None},
        ],
    }


def _by_api(parts: Parts, part: Record, n: int) -> None:
    part.update(external_id=f"ext-{n}", app_package_code="sandbox-integration")


def _translate(parts: Parts, part: Record, n: int) -> None:
    part["translations"] = {"en": "Hello", "fr": "Bonjour", "ar": "مرحبا"}


def _offer(parts: Parts, part: Record, n: int) -> None:
    translations = {"en": "Yes", "fr": "Oui"}
    part["metadata"] = {
        "quick_reply_options": [
            {"text": "Yes", "uuid": _QUICK_REPLY, "translations": translations},
            {"text": "いいえ", "uuid": _QUICK_REPLY[::-1], "translations": None},
        ]
    }


def _choose(parts: Parts, part: Record, n: int) -> None:
    part["metadata"] = {"quick_reply_uuid": _QUICK_REPLY}


def _empty(parts: Parts, part: Record, n: int) -> None:
    part.update(event_details={}, metadata={})


def _blank_author(parts: Parts, part: Record, n: int) -> None:
    part["author"] = authors.BLANK


# part_type, who speaks, what is special
_Kind = tuple[str, str, Callable[[Parts, Record, int], None] | None]
_SPOKEN = frozenset({"comment", "note", "close_with_comment", "assign_and_reopen", "quick_reply"})
_ISSUE = {"name": "jira_issue_key"}
_WORKFLOW = {"name": "Custom Bot 🤖"}
_ACTION = "Jira Create Issue"
_SPECIAL: tuple[_Kind, ...] = (
    ("note", _ADMIN, None),
    ("assignment", _ADMIN, Parts._assign_admin),
    ("assignment", _BOT, Parts._assign_team),
    ("comment", _BOT, _offer),
    ("quick_reply", _USER, _choose),
    ("close", _ADMIN, _state("closed")),
    ("open", _USER, None),
    ("snoozed", _ADMIN, _state("snoozed")),
    (
        "conversation_attribute_updated_by_admin",
        _ADMIN,
        _details(attribute=_ISSUE, value={"name": "PROJ-007", "previous": "PROJ-006"}),
    ),
    (
        "conversation_attribute_updated_by_workflow",
        _BOT,
        _details(workflow=_WORKFLOW, attribute=_ISSUE, value={"name": "8", "previous": None}),
    ),
    (
        "conversation_attribute_updated_by_user",
        _USER,
        _details(attribute={"name": "Größe"}, value={"name": "XL"}),
    ),
    ("custom_action_started", _ADMIN, _details(action={"name": _ACTION})),
    ("custom_action_finished", _ADMIN, _details(action={"name": _ACTION, "result": "success"})),
    (
        "operator_workflow_event",
        _BOT,
        _details(workflow=_WORKFLOW, event={"type": "wait_finished", "result": "Done waiting"}),
    ),
    ("merged_primary_conversation", _ADMIN, _empty),
    ("assign_and_reopen", _ADMIN, Parts._assign_admin),
    ("conversation_tags_updated", _ADMIN, Parts._tag),
    ("comment", _ADMIN, Parts._tag),
    ("comment", _USER, _email),
    ("comment", _USER, _attach),
    ("comment", _USER, _redact),
    ("comment", _ADMIN, _edit),
    ("comment", _ADMIN, _by_api),
    ("comment", _USER, _translate),
    ("comment", _USER, _blank_author),
    ("close_with_comment", _BOT, _state("closed")),
)
# A word from either side between two kinds that are rarer.
_RING: tuple[_Kind, ...] = tuple(
    kind
    for special in _SPECIAL
    for kind in (("comment", _USER, None), ("comment", _ADMIN, None), special)
)


def _first(wanted: str) -> _Kind:
    """The plainest part of a type; one of an unknown type is an admin's act."""
    return next((kind for kind in _RING if kind[0] == wanted), (wanted, _ADMIN, None))
