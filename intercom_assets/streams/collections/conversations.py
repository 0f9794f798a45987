"""Conversations, without their parts."""

from __future__ import annotations

from typing import ClassVar

from intercom_assets.streams.base import SUPPORT
from intercom_assets.streams.chart import Chart
from intercom_assets.streams.search import SearchStream


class Conversations(SearchStream):
    """Conversations, without their parts."""

    tap_stream_id = "conversations"
    swept = True
    group = SUPPORT
    optional = False
    path = "/conversations/search"
    data_key = "conversations"
    optionals: ClassVar[dict[str, str]] = {
        "monitors": "include_monitors",
        "scorecards": "include_scorecards",
    }
    docs_page = "conversations/searchconversations"
    plain = "id type state priority admin_assignee_id team_assignee_id"
    bodies = (
        "title",
        "source.subject",
        "source.body",
        "conversation_rating.remark",
        "ai_agent.rating_remark",
        "monitor_evaluations.explanation",
    )
    personal = ("custom_attributes",)
    shared_by = "contacts"
    chart = Chart(
        "Conversations opened and closed a day",
        """
        select created_at::date, 'opened', count(*) from {table} group by all
        union all
        select to_timestamp((statistics->>'last_close_at')::double)::date, 'closed', count(*)
        from {table} group by all
        """,
        stacked=False,
    )
