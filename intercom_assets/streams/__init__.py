"""Intercom's streams: what to call, what identifies a record, and what is safe to remember.

This package knows neither Dagster nor DuckDB::

    from intercom_assets.client import IntercomClient
    from intercom_assets.streams import STREAMS

    client = IntercomClient(config={"access_token": "..."})
    for contact in STREAMS["contacts"](client).get_records("2024-01-01T00:00:00Z"):
        ...
"""

from intercom_assets.streams.base import (
    FULL_TABLE,
    INCREMENTAL,
    BaseStream,
    FullTableStream,
    IncrementalStream,
)
from intercom_assets.streams.companies import Companies
from intercom_assets.streams.contacts import Contacts
from intercom_assets.streams.conversation_parts import ConversationParts, WorkQueue
from intercom_assets.streams.records import Batch, Parent, Run
from intercom_assets.streams.search import Conversations
from intercom_assets.streams.settings import (
    AdminList,
    Admins,
    CompanyAttributes,
    CompanySegments,
    ContactAttributes,
    Segments,
    Tags,
    Teams,
)

STREAMS: dict[str, type[BaseStream]] = {
    stream.tap_stream_id: stream
    for stream in (
        AdminList,
        Admins,
        CompanyAttributes,
        ContactAttributes,
        Tags,
        Teams,
        Companies,
        CompanySegments,
        Segments,
        Conversations,
        Contacts,
        ConversationParts,
    )
}

__all__ = [
    "FULL_TABLE",
    "INCREMENTAL",
    "STREAMS",
    "AdminList",
    "Admins",
    "BaseStream",
    "Batch",
    "Companies",
    "CompanyAttributes",
    "CompanySegments",
    "ContactAttributes",
    "Contacts",
    "ConversationParts",
    "Conversations",
    "FullTableStream",
    "IncrementalStream",
    "Parent",
    "Run",
    "Segments",
    "Tags",
    "Teams",
    "WorkQueue",
]
