"""What teammates work with."""

from __future__ import annotations

from intercom_assets.sandbox.collections.declaration import Collection, Paging
from intercom_assets.sandbox.collections.values import (
    body,
    created_iso,
    cycle,
    listed,
    numbered,
    serial,
    some,
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
