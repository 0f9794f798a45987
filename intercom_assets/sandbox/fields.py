"""The fields that a search knows, and where their values stand in a record.

The names are those of Intercom's documentation of each search, with its misspellings; those of a
declared collection follow from its fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from intercom_assets.sandbox.attached import attached
from intercom_assets.sandbox.calls import ApiError
from intercom_assets.sandbox.collections import PLAIN
from intercom_assets.sandbox.index import Record
from intercom_assets.sandbox.tables import Tables
from intercom_assets.sandbox.text import plaintext

Read = Callable[[Record], Any]


class Field(NamedTuple):
    """A field that can be searched.

    Attributes:
        kind: date, integer, string, boolean, id (text whose numbers are compared as such) or any.
        read: Its value in a record; of a field of many values, the list of them.
        many: Whether it has many values, of which one has to fit.
        operators: Those that it takes, if not all of its kind.
    """

    kind: str
    read: Read
    many: bool = False
    operators: frozenset[str] | None = None


def _kinds(**names: str) -> dict[str, str]:
    return {name: kind for kind, text in names.items() for name in text.split()}


# Of collections that are not declared.
_DOCUMENTED: dict[str, dict[str, str]] = {
    "contacts": _kinds(
        date="created_at updated_at signed_up_at last_seen_at last_contacted_at last_replied_at "
        "last_email_opened_at last_email_clicked_at ios_last_seen_at android_last_seen_at",
        id="id owner_id",
        string="role name email email_domain phone formatted_phone external_id language_override "
        "browser browser_language os location.country location.region location.city "
        "ios_app_version ios_device ios_os_version ios_app_name ios_sdk_version "
        "android_app_version android_device android_app_name",
        boolean="unsubscribed_from_emails marked_email_as_spam has_hard_bounced",
    ),
    "conversations": _kinds(
        date="created_at updated_at waiting_since snoozed_until "
        "statistics.first_contact_reply_at statistics.first_assignment_at "
        "statistics.first_admin_reply_at statistics.first_close_at statistics.last_assignment_at "
        "statistics.last_assignment_admin_reply_at statistics.last_contact_reply_at "
        "statistics.last_admin_reply_at statistics.last_close_at",
        id="id source.id source.author.id statistics.last_closed_by_id",
        integer="admin_assignee_id team_assignee_id statistics.time_to_assignment "
        "statistics.time_to_admin_reply statistics.time_to_first_close "
        "statistics.time_to_last_close statistics.median_time_to_reply statistics.count_reopens "
        "statistics.count_assignments statistics.count_conversation_parts ai_agent.rating",
        string="state priority source.type source.delivered_as source.subject source.author.type "
        "source.author.name source.author.email source.url ai_agent.resolution_state "
        "ai_agent.last_answer_type ai_agent.rating_remark ai_agent.source_type "
        "ai_agent.source_title",
        boolean="open read ai_agent_participated",
    ),
    "tickets": _kinds(
        date="created_at updated_at snoozed_until",
        id="id admin_assignee_id team_assignee_id",
        boolean="open",
    ),
}
# field: kind, and the name under which records have it
_ELSEWHERE: dict[str, dict[str, tuple[str, str]]] = {
    "contacts": {
        "avatar": ("string", "avatar.image_url"),
        "ios_app_device": ("string", "ios_device"),
        "andoid_sdk_version": ("string", "android_sdk_version"),
    },
    "conversations": {
        "channel_initiated": ("string", "channel.initial"),
        "conversation_rating.requested_at": ("date", "conversation_rating.created_at"),
        "conversation_rating.replied_at": ("date", "conversation_rating.updated_at"),
        "conversation_rating.score": ("integer", "conversation_rating.rating"),
        "conversation_rating.remark": ("string", "conversation_rating.remark"),
        "conversation_rating.contact_id": ("id", "conversation_rating.contact.id"),
        "conversation_rating.admin_d": ("id", "conversation_rating.teammate.id"),
    },
    "tickets": {
        "title": ("string", "ticket_attributes._default_title_"),
        "description": ("string", "ticket_attributes._default_description_"),
        "ticket_type_id": ("id", "ticket_type.id"),
        "state": ("string", "ticket_state.category"),
    },
}
# What a search calls the categories of tickets.
_CATEGORIES = {"Customer": "request", "Back-office": "task", "Tracker": "tracker"}
_EQUALITY = frozenset({"=", "!="})
_WORD = re.compile(r"\w+")


class Fields:
    """The searchable fields of one collection."""

    def __init__(self, tables: Tables, collection: str) -> None:
        names = _declared(collection) if collection in PLAIN else _DOCUMENTED[collection]
        self._known = {name: Field(kind, value_at(name)) for name, kind in names.items()}
        for name, (kind, place) in _ELSEWHERE.get(collection, {}).items():
            self._known[name] = Field(kind, value_at(place))
        self._known.update(_derived(tables).get(collection, {}))

    def find(self, name: object) -> Field:
        """A field by its name.

        Raises:
            ApiError: When the collection has no such field.
        """
        if isinstance(name, str):
            field = self._known.get(name) or _named_freely(name)
            if field:
                return field
        raise ApiError(400, "invalid_field", f"{name!r} is not a searchable field")


def _declared(collection: str) -> dict[str, str]:
    """The fields of a declared collection, with the kinds that their names tell."""
    return {name: _kind_by(name) for name in PLAIN[collection].fields}


def _kind_by(name: str) -> str:
    if name.endswith("_at"):
        return "date"
    return "id" if name == "id" or name.endswith("_id") else "any"


def _named_freely(name: str) -> Field | None:
    """A custom attribute, or an attribute of tickets by its id."""
    first, _, rest = name.partition(".")
    if first == "custom_attributes" and rest:
        return Field("any", value_at(name))
    if first == "ticket_attribute" and rest:
        return Field("any", lambda record: _ticket_attribute(record, rest))
    return None


def _derived(tables: Tables) -> dict[str, dict[str, Field]]:
    """Fields whose values are gathered from lists."""

    def tags_of(contact: Record) -> list[str]:
        return _ids(tables.sublists.get((contact["id"], "tags")))

    def segment_ids(contact: Record) -> list[str]:
        return _ids(attached(tables, contact["id"], "segments"))

    people = {
        "contact_ids": Field("id", _listed("contacts", "contacts"), many=True),
        "teammate_ids": Field("id", _listed("teammates", "admins"), many=True),
    }
    return {
        "contacts": {
            "tag_id": Field("id", tags_of, many=True, operators=_EQUALITY),
            "segment_id": Field("id", segment_ids, many=True),
        },
        "conversations": {
            **people,
            "tag_ids": Field("id", _listed("tags", "tags"), many=True),
            # Each word by itself is searched, never the text as a whole.
            "source.body": Field("string", _words, many=True),
        },
        "tickets": {
            **people,
            "teammate_ids": Field("id", _teammates, many=True),
            "category": Field("string", lambda ticket: _CATEGORIES.get(ticket["category"])),
        },
    }


def _ids(records: Any) -> list[str]:
    return [str(record["id"]) for record in records or ()]


def _listed(name: str, key: str) -> Read:
    return lambda record: _ids((record.get(name) or {}).get(key))


def _words(conversation: Record) -> list[str]:
    body = (conversation.get("source") or {}).get("body")
    return _WORD.findall(plaintext(body)) if isinstance(body, str) else []


def _teammates(ticket: Record) -> list[str]:
    assignee = ticket.get("admin_assignee_id")
    return [str(assignee)] if assignee else []


def _ticket_attribute(ticket: Record, id: str) -> Any:
    kind = ticket.get("ticket_type") or {}
    for attribute in (kind.get("ticket_type_attributes") or {}).get("data", ()):
        if attribute["id"] == id:
            return ticket["ticket_attributes"].get(attribute["name"])
    return None


def value_at(name: str) -> Read:
    """Reads the value at a dotted name; None where there is none."""
    first, dot, rest = name.partition(".")
    if not dot:
        return lambda record: record.get(first)
    # Names of custom attributes contain dots themselves.
    read = (lambda inner: inner.get(rest)) if first == "custom_attributes" else value_at(rest)

    def value(record: Record) -> Any:
        inner = record.get(first)
        return read(inner) if isinstance(inner, Mapping) else None

    return value
