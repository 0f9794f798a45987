"""Contacts: users and leads, with their complete lists of tags, companies, notes, subscriptions."""

from __future__ import annotations

from typing import ClassVar

from intercom_assets.streams.base import PEOPLE
from intercom_assets.streams.chart import Chart
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.sublists import COUNTED, Sublist

DAY = 86_400


class Contacts(SearchStream):
    """Users and leads."""

    tap_stream_id = "contacts"
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
