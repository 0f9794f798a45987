"""Tickets, their parts, and how the workspace has set tickets up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intercom_assets.streams.base import SUPPORT
from intercom_assets.streams.chart import Chart
from intercom_assets.streams.nested import NestedStream
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.transform import Record
from intercom_assets.streams.whole import FullTableStream


class Tickets(SearchStream):
    """Tickets; only their search lists them, and it brings their parts along."""

    tap_stream_id = "tickets"
    swept = True
    group = SUPPORT
    optional = True
    since = "2.10"
    path = "/tickets/search"
    data_key = "tickets"
    docs_page = "tickets/searchtickets"
    plain = "id type ticket_id category previous_ticket_state_id admin_assignee_id team_assignee_id"
    bodies = ("ticket_attributes",)
    shared_by = "contacts"
    chart = Chart(
        "Tickets opened a day, and resolved ones on the day of their last change",
        """
        select created_at::date, 'opened', count(*) from {table} group by all
        union all
        select updated_at::date, 'resolved', count(*) from {table}
        where ticket_state->>'category' = 'resolved' group by all
        """,
        stacked=False,
    )


class TicketParts(NestedStream):
    """The newest 500 parts of each ticket. Those that were stored before stay."""

    tap_stream_id = "ticket_parts"
    group = SUPPORT
    since = "2.10"
    parent = Tickets
    parent_id = "ticket_id"
    inside = "ticket_parts.ticket_parts"
    context_columns = ("ticket_total_parts", "_parts_truncated")
    counted = ("tickets truncated",)
    docs_page = "tickets/searchtickets"
    plain = (
        "id ticket_id type part_type ticket_state previous_ticket_state external_id "
        "app_package_code"
    )
    bodies = ("body", "translations", "updated_attribute_data")
    chart = Chart(
        "Ticket parts a day, by kind",
        "select created_at::date, part_type, count(*) from {table} group by all",
    )

    def context(self, parent: Mapping[str, Any], items: list[Record]) -> dict[str, Any]:
        """What each part tells of its ticket: also whether older ones are beyond reach."""
        total = parent["ticket_parts"].get("total_count", len(items))
        truncated = isinstance(total, int) and total > len(items)
        if truncated:
            self.counts["tickets truncated"] += 1
        return {
            **super().context(parent, items),
            "ticket_total_parts": total,
            "_parts_truncated": truncated,
        }


class TicketTypes(FullTableStream):
    """Types of tickets."""

    tap_stream_id = "ticket_types"
    group = SUPPORT
    since = "2.12"
    path = "/ticket_types"
    docs_page = "ticket-types/listtickettypes"
    data_key = "data"
    plain = "id type name description category icon workspace_id"


class TicketTypeAttributes(NestedStream):
    """Attributes of ticket types."""

    tap_stream_id = "ticket_type_attributes"
    group = SUPPORT
    since = "2.12"
    parent = TicketTypes
    parent_id = "ticket_type_id"
    inside = "ticket_type_attributes"
    docs_page = "ticket-types/listtickettypes"
    plain = "id ticket_type_id type workspace_id name description data_type"


class TicketStates(FullTableStream):
    """States that tickets can have."""

    tap_stream_id = "ticket_states"
    group = SUPPORT
    since = "2.12"
    path = "/ticket_states"
    docs_page = "ticket-states/listticketstates"
    data_key = "data"
    plain = "id type category internal_label external_label"
