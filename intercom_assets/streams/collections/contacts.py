"""Contacts: users and leads, with their complete lists of tags, companies, notes, subscriptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from intercom_assets.streams.base import PEOPLE
from intercom_assets.streams.chart import Chart
from intercom_assets.streams.records import Gone
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.sublists import COUNTED, Sublist
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.transform import Record

DAY = 86_400


class Contacts(SearchStream):
    """Users and leads."""

    tap_stream_id = "contacts"
    swept = True
    group = PEOPLE
    optional = False
    path = "/contacts/search"
    data_key = "data"
    optionals: ClassVar[dict[str, str]] = {"merge_history": "include_merge_history"}
    docs_page = "contacts/searchcontacts"
    merged = True
    plain = "id type role workspace_id owner_id language_override browser os"
    bodies = ("notes.body",)
    contact_columns = ("id",)
    chart = Chart(
        "New contacts a day, by role",
        "select created_at::date, role, count(*) from {table} group by all",
    )
    counted = COUNTED
    # Up to API 2.16 Intercom compares a contact's times by calendar day in the workspace's
    # timezone, and ">" means "after the end of that day". One day is short where summer time makes
    # days of 25 hours.
    margin = 2 * DAY
    # Each window reads the margin on both its sides as well; those are a few pages more, while the
    # longest chain of cursors gets a fifth shorter than with windows of twenty days.
    shortest_window = 10 * DAY
    newest_first = True
    keeps_cursor = True
    # Both kinds of subscription share a route, which lists the choices that a contact made.
    sublists: ClassVar[dict[str, Sublist]] = {
        "tags": Sublist("/contacts/{id}/tags"),
        "companies": Sublist("/contacts/{id}/companies"),
        "notes": Sublist("/contacts/{id}/notes"),
        "opted_in_subscription_types": Sublist("/contacts/{id}/subscriptions", consent="opt_in"),
        "opted_out_subscription_types": Sublist("/contacts/{id}/subscriptions", consent="opt_out"),
    }

    def gone_by(self, records: Iterable[Record]) -> Iterator[Gone]:
        """Those who were merged into the contacts: they vanish without any other sign."""
        for record in records:
            for entry in record.get("merge_history") or ():
                if isinstance(entry, dict) and entry.get("source_contact_id"):
                    yield merged(entry, str(record["id"]), self.now())


def merged(entry: Mapping[str, Any], survivor: str, now: int) -> Gone:
    """What an entry of a contact's merge history tells.

    Args:
        entry: It.
        survivor: Whose history it is.
        now: When it was read, epoch seconds: old merges have no time.
    """
    at = parse_epoch(entry.get("merged_at"))
    return Gone(Contacts.tap_stream_id, str(entry["source_contact_id"]), at or now, survivor)
