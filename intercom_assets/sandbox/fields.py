"""The fields that a search knows, and where their values stand in a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from intercom_assets.sandbox.calls import ApiError
from intercom_assets.sandbox.index import Record


def _kinds(**names: str) -> dict[str, str]:
    return {name: kind for kind, text in names.items() for name in text.split()}


FIELDS: dict[str, dict[str, str]] = {
    "contacts": _kinds(
        date="created_at updated_at signed_up_at last_seen_at last_contacted_at last_replied_at "
        "last_email_opened_at last_email_clicked_at ios_last_seen_at android_last_seen_at",
        string="id role name email email_domain phone external_id language_override browser "
        "browser_language os location.country location.region location.city",
        boolean="unsubscribed_from_emails marked_email_as_spam has_hard_bounced",
        any="owner_id",
    ),
    "conversations": _kinds(
        date="created_at updated_at waiting_since snoozed_until",
        # Conversation ids are digits, and may be compared as numbers.
        integer="id admin_assignee_id team_assignee_id statistics.count_reopens "
        "statistics.count_assignments statistics.count_conversation_parts",
        string="state priority source.type source.id source.delivered_as source.subject "
        "source.body source.author.id source.author.type source.author.email source.url",
        boolean="open read ai_agent_participated",
    ),
}


def field_kind(collection: str, name: object) -> str:
    """date, integer, string, boolean or any.

    Raises:
        ApiError: When the collection has no such field.
    """
    kind = FIELDS[collection].get(name) if isinstance(name, str) else None
    if kind is None and isinstance(name, str) and name.startswith("custom_attributes."):
        return "any"
    if kind is None:
        raise ApiError(400, "invalid_field", f"{name!r} is not a searchable field")
    return kind


def value_at(name: str) -> Callable[[Record], Any]:
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
