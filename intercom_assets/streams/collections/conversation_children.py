"""What belongs to conversations beside their parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from intercom_assets.streams.base import SUPPORT
from intercom_assets.streams.children import ChildStream
from intercom_assets.streams.collections.conversations import Conversations
from intercom_assets.streams.newest_first import NewestFirstStream
from intercom_assets.streams.records import Gone, Parent
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.transform import Record, digest


class DeletedConversations(NewestFirstStream):
    """Conversations that were deleted."""

    tap_stream_id = "deleted_conversations"
    group = SUPPORT
    since = "2.16"
    replication_key = "deleted_at"
    append = True
    path = "/conversations/deleted"
    params: ClassVar[dict[str, Any]] = {"order": "desc", "per_page": 60}
    tells_total = True
    docs_page = "conversations/listdeletedconversationids"
    data_key = "conversations"
    plain = "id type"

    def gone_by(self, records: Iterable[Record]) -> Iterator[Gone]:
        """The conversations themselves."""
        for record in records:
            at = parse_epoch(record.get("deleted_at"))
            yield Gone(Conversations.tap_stream_id, str(record["id"]), at or self.now())


class HandlingEvents(ChildStream):
    """When teammates took conversations in hand, and put them down."""

    tap_stream_id = "handling_events"
    group = SUPPORT
    default = False
    since = "2.15"
    parent = Conversations
    parent_id = "conversation_id"
    path = "/conversations/{id}/handling_events"
    docs_page = "conversations/listhandlingevents"
    data_key = "handling_events"
    plain = "id conversation_id type reason"

    def rows(
        self, parent: Parent, records: Sequence[Any], context: Mapping[str, Any]
    ) -> list[Record]:
        """The events, each with a hash for an id: they have none."""
        return super().rows(
            parent,
            [
                {"id": digest([parent.id, record]), **record}
                if isinstance(record, dict)
                else record
                for record in records
            ],
            context,
        )


class SideConversations(ChildStream):
    """Conversations with others beside a conversation."""

    tap_stream_id = "side_conversations"
    group = SUPPORT
    default = False
    since = "2.16"
    parent = Conversations
    parent_id = "conversation_id"
    key_properties: ClassVar[list[str]] = ["conversation_id", "side_conversation_id"]
    path = "/conversations/{id}/side_conversations"
    params: ClassVar[dict[str, Any]] = {"per_page": 50}
    docs_page = "conversations/listsideconversations"
    data_key = "side_conversations"
    plain = "conversation_id side_conversation_id"
    bodies = ("conversation_parts",)
