"""The lists that hang on a contact, whole in a call of their own and cut short in the contact."""

from __future__ import annotations

from collections.abc import Sequence

from intercom_assets.sandbox.plan import Record

# What an embedded list shows; the rest is behind its url.
SHOWN = 10
KINDS = ("tags", "companies", "notes", "subscriptions")
FIELDS = (
    "tags",
    "notes",
    "companies",
    "opted_out_subscription_types",
    "opted_in_subscription_types",
)
_URLS = {
    "tag": "tags",
    "company": "companies",
    "note": "notes",
    "subscription": "subscription_types",
}


def stub(url: str, records: Sequence[Record]) -> Record:
    """The embedded form of a list."""
    shown = [_reference(record) for record in records[:SHOWN]]
    return {
        "type": "list",
        "data": shown,
        "url": url,
        "total_count": len(records),
        "has_more": len(records) > len(shown),
    }


def _reference(record: Record) -> Record:
    kind, ident = record["type"], record["id"]
    return {"id": ident, "type": kind, "url": f"/{_URLS[kind]}/{ident}"}


def embedded(id: str, kind: str, records: Sequence[Record], owner: str = "contacts") -> Record:
    """The fields of a contact (or company) that speak of one of its lists."""
    if owner == "companies":
        return {kind: company_notes(id, records)}
    url = f"/contacts/{id}/{kind}"
    if kind != "subscriptions":
        return {kind: stub(url, records)}
    # A choice is either: attached to an opt-in type a person is in, to an opt-out type out.
    return {
        "opted_out_subscription_types": stub(url, _consenting(records, "opt_out")),
        "opted_in_subscription_types": stub(url, _consenting(records, "opt_in")),
    }


def _consenting(records: Sequence[Record], consent: str) -> list[Record]:
    return [record for record in records if record["consent_type"] == consent]


def empty(contact_id: str) -> Record:
    """The five fields of a contact without any list; written out, since most contacts have none."""
    base = f"/contacts/{contact_id}/"
    subscriptions = base + "subscriptions"
    return {
        "tags": _nothing(base + "tags"),
        "notes": _nothing(base + "notes"),
        "companies": _nothing(base + "companies"),
        "opted_out_subscription_types": _nothing(subscriptions),
        "opted_in_subscription_types": _nothing(subscriptions),
    }


def _nothing(url: str) -> Record:
    return {"type": "list", "data": [], "url": url, "total_count": 0, "has_more": False}


def company_notes(company_id: str, records: Sequence[Record]) -> Record:
    """The notes field of a company."""
    return {**stub(f"/companies/{company_id}/notes", records), "type": "note.list"}
