"""How the knowledge hub is kept in order."""

from __future__ import annotations

from intercom_assets.sandbox.collections.declaration import Collection, Paging
from intercom_assets.sandbox.collections.values import (
    created,
    cycle,
    hex_id,
    number,
    numbered,
    updated,
)

FOLDERS = Collection(
    "folders",
    "/folders",
    since=(2, 17),
    paging=Paging.NUMBERED,
    per_page=50,
    most=150,
    size=4,
    fields={
        "id": number(501),
        "name": numbered("Folder {}"),
        "description": cycle(None, "Old things"),
        "emoji": cycle("📁", None),
        "parent_folder_id": cycle(None, 501),
        "content_count": number(0),
        "created_at": created,
        "updated_at": updated,
    },
)

DYNAMIC_CONTENTS = Collection(
    "dynamic_contents",
    "/dynamic_contents",
    since=(2, 17),
    paging=Paging.COUNTED,
    per_page=50,
    newest_first="updated_at",
    size=3,
    fields={
        "type": "dynamic_content",
        "id": hex_id("dynamic_content"),
        "name": numbered("Text {}"),
        "created_at": created,
        "updated_at": updated,
    },
)
