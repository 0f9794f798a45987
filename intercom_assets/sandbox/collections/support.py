"""What teammates work with."""

from __future__ import annotations

from intercom_assets.sandbox.collections.declaration import PREVIEW, Collection, Nested, Paging
from intercom_assets.sandbox.collections.values import (
    body,
    created,
    created_iso,
    cycle,
    listed,
    number,
    numbered,
    serial,
    some,
    updated,
    updated_iso,
)
from intercom_assets.sandbox.text import plaintext

MACROS = Collection(
    "macros",
    "/macros",
    since=(2, 16),
    size=12,
    paging=Paging.CURSOR,
    per_page=50,
    most=150,
    after={"updated_since": "updated_at"},
    added=1,
    fields={
        "type": "macro",
        "id": serial(120),
        "name": numbered("Macro {}"),
        "body": body,
        "body_text": lambda slot: plaintext(body(slot)),
        "created_at": created_iso,
        "updated_at": updated_iso,
        "visible_to": cycle("everyone", "specific_teams"),
        "visible_to_team_ids": listed(some("teams"), 2),
        "available_on": cycle(["inbox"], ["inbox", "messenger"], []),
    },
    changed={"name": numbered("Macro {}, revised")},
)

SLA_RULES = Collection(
    "sla_rules",
    "/sla_rules",
    since=PREVIEW,
    kind="sla_rule.list",
    size=3,
    fields={
        "type": "sla_rule",
        "id": serial(61),
        "name": numbered("SLA {}"),
        "created_at": created,
        "updated_at": updated,
        "archived": cycle(False, True),
        "archived_at": cycle(None, 1_700_000_000),
        "first_reply_time_in_seconds": cycle(3_600, None),
        "next_reply_time_in_seconds": None,
        "time_to_close_in_seconds": cycle(86_400, 172_800),
        "resolution_time_in_seconds": None,
        "speed_of_answer_in_seconds": None,
    },
)

CONVERSATION_ATTRIBUTES = Collection(
    "conversation_attributes",
    "/conversations/attributes",
    since=(2, 16),
    size=5,
    fields={
        "type": "conversation_attribute",
        "id": number(8),
        "name": numbered("attribute {}"),
        "description": cycle("What it is about", ""),
        "data_type": cycle("string", "list", "integer", "boolean", "datetime"),
        "required": cycle(False, True),
        "visible_to_team_ids": listed(some("teams"), 1),
        "archived": lambda slot: slot.n == 4,
        "multiline": cycle(True, None),
        "options": cycle(None, [{"id": "a1b2", "label": "Hoch", "archived": False}]),
        "created_at": created,
        "updated_at": updated,
        "admin_id": some("admins"),
    },
)

TICKET_TYPE_ATTRIBUTES = Nested(
    "ticket_type_attributes",
    parent="ticket_types",
    inside="ticket_type_attributes.data",
    parent_id="ticket_type_id",
)
