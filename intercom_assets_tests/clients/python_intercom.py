"""Reads a workspace with Intercom's own SDK for Python, and writes what it got as JSON.

python python_intercom.py URL TOKEN
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from intercom import Intercom
from intercom.types import SingleFilterSearchRequest, StartingAfterPaging


def plain(found: Any) -> Any:
    """Models as what JSON knows."""
    return found.dict() if hasattr(found, "dict") else found


def walk(pages: Iterable[Any]) -> list[Any]:
    """All records of a list, whose pages the SDK walks itself."""
    return [plain(record) for record in pages]


def each(records: list[Any], read: Callable[[str], Any]) -> dict[str, Any]:
    """What is read of each record, by its id."""
    return {record["id"]: read(record["id"]) for record in records}


def search(method: Callable[..., Any]) -> list[Any]:
    """Everything, in small pages; the SDK's own walk asks for the first one for ever."""
    query = SingleFilterSearchRequest(field="updated_at", operator=">", value="0")
    found: list[Any] = []
    cursor = None
    while True:
        page = method(
            query=query, pagination=StartingAfterPaging(per_page=7, starting_after=cursor)
        )
        found += walk(page.items)
        if not page.has_next:
            return found
        cursor = page.response.pages.next.starting_after


def scroll(client: Intercom) -> list[Any]:
    """All companies; the SDK goes on after the last, empty page, which has a scroll_param too."""
    page, found = client.companies.scroll(), []
    while page is not None and page.items:
        found += walk(page.items)
        page = page.next_page()
    return found


def read(client: Intercom) -> dict[str, Any]:
    """Whatever the SDK reads."""
    contacts = walk(client.contacts.list(per_page=7))
    conversations = walk(client.conversations.list(per_page=7))
    companies = scroll(client)
    attributes = client.data_attributes.list(model="contact", include_archived=True)
    return {
        "me": plain(client.admins.identify()),
        "admins": walk(client.admins.list().admins),
        "teams": walk(client.teams.list().teams),
        "tags": walk(client.tags.list().data),
        "segments": walk(client.segments.list(include_count=True).segments),
        "subscription_types": walk(client.subscription_types.list().data),
        "contact_attributes": walk(attributes.data),
        "ticket_types": walk(client.ticket_types.list().data),
        "contacts": contacts,
        "contacts_searched": search(client.contacts.search),
        "conversations": conversations,
        "conversations_searched": search(client.conversations.search),
        "companies": companies,
        "companies_listed": walk(client.companies.list(per_page=7)),
        "tickets_searched": search(client.tickets.search),
        "one_conversation": each(
            conversations[:5], lambda id: plain(client.conversations.find(conversation_id=id))
        ),
        "contact_tags": each(
            contacts, lambda id: walk(client.contacts.list_attached_tags(contact_id=id).data)
        ),
        "contact_notes": each(
            contacts, lambda id: walk(client.notes.list(contact_id=id, per_page=7))
        ),
        "company_contacts": each(
            companies[:5],
            lambda id: walk(client.companies.list_attached_contacts(company_id=id).data),
        ),
        "events": each(
            contacts,
            lambda id: walk(
                client.events.list(type="user", intercom_user_id=id, summary=True).events
            ),
        ),
    }


if __name__ == "__main__":
    url, token = sys.argv[1:]
    json.dump(read(Intercom(token=token, base_url=url)), sys.stdout)
