"""Contacts: users and leads, with their complete lists of tags, companies, notes, subscriptions."""

from __future__ import annotations

from functools import partial
from typing import Any

from intercom_assets.concurrency import overlap
from intercom_assets.errors import NotFound
from intercom_assets.pagination import url_pages
from intercom_assets.streams.search import SearchStream
from intercom_assets.transform import Record

# Up to API 2.16 Intercom compares a contact's times by calendar day in the workspace's timezone,
# and ">" means "after the end of that day". One day is short where summer time makes days of 25
# hours.
TWO_DAYS = 2 * 86_400

# Where the rest of a list is that a contact shows ten of. Both kinds of subscription share a route,
# which lists the choices that a contact made, opting in or out.
SUBLISTS = {
    "tags": "tags",
    "companies": "companies",
    "notes": "notes",
    "opted_in_subscription_types": "subscriptions",
    "opted_out_subscription_types": "subscriptions",
}
CONSENT = {
    "opted_in_subscription_types": "opt_in",
    "opted_out_subscription_types": "opt_out",
}
SUBLIST_PAGE_SIZE = 60
SUBLISTS_AT_ONCE = 16


class Contacts(SearchStream):
    """Users and leads."""

    tap_stream_id = "contacts"
    path = "/contacts/search"
    data_key = "data"
    margin = TWO_DAYS
    newest_first = True
    keeps_cursor = True

    def complete(self, records: list[Record]) -> list[Record]:
        """Contacts with every item of their lists, where Intercom cut one off at ten."""
        cut = [
            (record, field) for record in records for field in SUBLISTS if is_cut(record.get(field))
        ]
        if not cut:
            return records
        tasks = (partial(self._complete_list, record, field) for record, field in cut)
        for _ in overlap(tasks, min(SUBLISTS_AT_ONCE, len(cut))):
            self.counts["lists completed"] += 1
        return records

    def _complete_list(self, contact: Record, field: str) -> list[bool]:
        pages = url_pages(
            self.client,
            f"/contacts/{contact['id']}/{SUBLISTS[field]}",
            {"per_page": SUBLIST_PAGE_SIZE},
            key="data",
        )
        try:
            items = [item for page in pages for item in page.records]
        except NotFound:
            # The contact was deleted or merged since the search: what the search gave stands.
            self.counts["contacts gone"] += 1
            return []
        if field in CONSENT:
            items = [item for item in items if item.get("consent_type") == CONSENT[field]]
        contact[field] = {"type": "list", "data": items}
        return [True]


def is_cut(value: Any) -> bool:
    """Whether Intercom shows only the first items of a list."""
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        return False
    total = value.get("total_count")
    return bool(value.get("has_more")) or (isinstance(total, int) and total > len(value["data"]))
