"""Help centres, what is in them, and news."""

from __future__ import annotations

from intercom_assets.sandbox.collections.declaration import Collection, Paging
from intercom_assets.sandbox.collections.values import (
    as_number,
    body,
    created,
    cycle,
    number,
    numbered,
    of_parent,
    serial,
    some,
    updated,
    workspace_id,
)

HELP_CENTERS = Collection(
    "help_centers",
    "/help_center/help_centers",
    paging=Paging.NUMBERED,
    size=2,
    fields={
        "id": serial(10),
        "workspace_id": workspace_id,
        "identifier": cycle("help", "hilfe"),
        "website_turned_on": cycle(True, False),
        "display_name": cycle("Help Center", "Hilfe"),
        "url": cycle("https://help.example.com", "https://intercom.help/hilfe"),
        "custom_domain": cycle("help.example.com", None),
        "default": lambda slot: slot.n == 0,
        "locales": cycle(["en", "de"], ["de"]),
        "created_at": created,
        "updated_at": updated,
    },
)

COLLECTIONS = Collection(
    "collections",
    "/help_center/collections",
    paging=Paging.NUMBERED,
    per_page=4,
    size=9,
    fields={
        "id": serial(165),
        "workspace_id": workspace_id,
        "name": numbered("Collection {}"),
        "description": cycle("All about it", None),
        "url": cycle("https://help.example.com/collections/165", None),
        "icon": cycle("book-bookmark", None),
        "order": number(0),
        "default_locale": "en",
        "translated_content": cycle(
            None,
            {"type": "group_translated_content", "de": {"name": "Sammlung", "description": ""}},
        ),
        # The first ones are at the top.
        "parent_id": lambda slot: None if slot.n < 4 else str(165 + slot.n % 4),
        "help_center_id": as_number(some("help_centers")),
        "created_at": created,
        "updated_at": updated,
    },
)

HELP_CENTER_REDIRECTS = Collection(
    "help_center_redirects",
    "/help_center/help_centers/{id}/redirects",
    since=(2, 16),
    paging=Paging.NUMBERED,
    per_page=3,
    parent="help_centers",
    parent_id="help_center_id",
    size=5,
    fields={
        "id": serial(410),
        "type": "help_center_redirect",
        "from_url": numbered("/old/{}"),
        "locale": "en",
        "help_center_id": of_parent("id"),
        "target_type": cycle("article", "collection"),
        "target_id": serial(6_871_119),
        "created_at": created,
        "updated_at": updated,
    },
)

_NEWS = {
    "type": "news-item",
    "workspace_id": workspace_id,
    "title": numbered("News № {}"),
    "body": body,
    "sender_id": as_number(some("admins")),
    "state": cycle("live", "draft"),
    "newsfeed_assignments": cycle([{"newsfeed_id": 198, "published_at": 1_700_000_000}], []),
    "labels": cycle(["Product", None], []),
    "cover_image_url": None,
    "reactions": cycle(["👍", None], []),
    "deliver_silently": False,
    "created_at": created,
    "updated_at": updated,
}

NEWS_ITEMS = Collection(
    "news_items",
    "/news/news_items",
    paging=Paging.NUMBERED,
    per_page=5,
    size=12,
    added=1,
    fields={"id": serial(29), **_NEWS},
    changed={"title": numbered("News № {}, corrected")},
)

NEWSFEEDS = Collection(
    "newsfeeds",
    "/news/newsfeeds",
    paging=Paging.NUMBERED,
    size=2,
    fields={
        "id": serial(198),
        "type": "newsfeed",
        "name": numbered("Feed {}"),
        "created_at": created,
        "updated_at": updated,
    },
)

NEWSFEED_ITEMS = Collection(
    "newsfeed_items",
    "/news/newsfeeds/{id}/items",
    paging=Paging.NUMBERED,
    per_page=20,
    parent="newsfeeds",
    parent_id="newsfeed_id",
    size=6,
    # One item may be in several newsfeeds.
    fields={"id": lambda slot: str(29 + slot.n % 5 if slot.n < 5 else 29 + slot.n), **_NEWS},
)
