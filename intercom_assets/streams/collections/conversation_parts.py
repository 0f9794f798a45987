"""Conversation parts: every message, note, assignment and event of a conversation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from intercom_assets.client.errors import MalformedResponse
from intercom_assets.streams.base import SUPPORT
from intercom_assets.streams.chart import Chart
from intercom_assets.streams.children import ChildStream
from intercom_assets.streams.collections.conversations import Conversations
from intercom_assets.streams.records import Parent
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.work_queue import Family


class ConversationParts(ChildStream):
    """All parts of each changed conversation: only the single conversation has them."""

    tap_stream_id = "conversation_parts"
    group = SUPPORT
    optional = False
    path = "/conversations/{id}"
    data_key = "conversation_parts"
    optionals: ClassVar[dict[str, str]] = {"translations": "include_translations"}
    parent = Conversations
    asks_parent = True
    parent_id = "conversation_id"
    references: ClassVar[dict[str, str]] = {
        "conversation_id": "id",
        "conversation_created_at": "created_at",
        "conversation_updated_at": "updated_at",
    }
    context_columns = ("conversation_total_parts", "_parts_truncated")
    docs_page = "conversations/retrieveconversation"
    counted = ("conversations truncated",)
    plain = "id conversation_id type part_type state app_package_code"
    bodies = ("body", "translations", "email_message_metadata.subject")
    chart = Chart(
        "Conversation parts a day, by kind",
        "select created_at::date, part_type, count(*) from {table} group by all",
    )

    def children(self, parent: Parent) -> Family:
        """Reads one conversation, and of it the parts, each with what it needs to know of it.

        Raises:
            NotFound: When the conversation is gone.
            MalformedResponse: When the answer is no conversation with parts.
        """
        path = self.path.format(id=parent.id)
        form = {"display_as": self.client.settings.display_as}
        answer = self.optional_fields.asked(lambda more: self.client.get(path, {**form, **more}))
        conversation = answer.body
        changed = max(parent.updated_at, parse_epoch(conversation.get("updated_at")) or 0)
        fetched = replace(parent, updated_at=changed, fetched_at=answer.at)
        listing = conversation.get("conversation_parts")
        parts = listing.get("conversation_parts") if isinstance(listing, dict) else None
        if not isinstance(listing, dict) or not isinstance(parts, list):
            raise MalformedResponse(
                "the conversation comes without conversation_parts", call=f"GET {path}"
            )
        total = listing.get("total_count", len(parts))
        truncated = isinstance(total, int) and total > len(parts)
        if truncated:
            self.counts["conversations truncated"] += 1
        context: dict[str, Any] = {
            "conversation_id": conversation.get("id"),
            "conversation_total_parts": total,
            "conversation_created_at": conversation.get("created_at"),
            "conversation_updated_at": conversation.get("updated_at"),
            "_parts_truncated": truncated,
        }
        return Family(fetched, self.rows(fetched, parts, context), answer.size)
