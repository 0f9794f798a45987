"""What is written for customers and teammates to read."""

from __future__ import annotations

from typing import Any

from intercom_assets.sandbox import words
from intercom_assets.sandbox.collections.declaration import Collection, Paging
from intercom_assets.sandbox.collections.values import (
    Slot,
    as_number,
    body,
    created,
    cycle,
    listed,
    number,
    numbered,
    of_parent,
    serial,
    some,
    updated,
    workspace_id,
)
from intercom_assets.sandbox.text import plaintext

_FOR_FIN = {
    "ai_chatbot_availability": cycle(True, False, True),
    "ai_copilot_availability": True,
    "ai_sales_agent_availability": cycle(False, True),
}
_LOCALES = ("de", "fr", "pt-BR")


def _markdown(slot: Slot) -> str:
    return plaintext(body(slot))


def _translated(slot: Slot) -> dict[str, Any] | None:
    """An article in other languages: every third has some."""
    if slot.n % 3:
        return None
    found: dict[str, Any] = {"type": "article_translated_content"}
    for place, locale in enumerate(_LOCALES[: 1 + slot.n % 2]):
        found[locale] = {
            "type": "article_content",
            "title": f"Übersetzt {slot.n + 1}",
            "description": "",
            "body": words.BODIES[(slot.n + place) % len(words.BODIES)],
            "author_id": as_number(some("admins"))(slot),
            "state": "published" if slot.n % 2 else "draft",
            "created_at": slot.created_at,
            "updated_at": slot.at,
            "url": None,
        }
    return found


ARTICLES = Collection(
    "articles",
    "/articles",
    paging=Paging.NUMBERED,
    per_page=25,
    most=250,
    newest_first="updated_at",
    size=40,
    added=1,
    fields={
        "type": "article",
        "id": serial(6_871_119),
        "workspace_id": workspace_id,
        "title": numbered("How to do thing № {}"),
        "description": cycle("In short", "", None),
        "body": body,
        "body_markdown": _markdown,
        "author_id": as_number(some("admins")),
        "state": cycle("published", "published", "draft"),
        "url": cycle("https://help.example.com/articles/1", None),
        "parent_ids": listed(as_number(some("collections")), 2),
        "default_locale": "en",
        "translated_content": _translated,
        "tags": lambda slot: {"type": "tag.list", "tags": []},
        "has_unpublished_changes": cycle(False, True),
        "created_by_id": as_number(some("admins")),
        "updated_by_id": as_number(some("admins")),
        "exclude_from_article_suggestions": False,
        "help_center_audience": cycle("everyone", "signed_in"),
        "audience_ids": listed(as_number(some("audiences")), 1),
        "draft_updated_at": cycle(None, 1_700_000_000),
        "scheduled_publish_at": None,
        "scheduled_unpublish_at": None,
        "created_at": created,
        "updated_at": updated,
        **_FOR_FIN,
    },
    changed={"title": numbered("How to do thing № {}, revised")},
    lists={"tags": "tags"},
)

ARTICLE_VERSIONS = Collection(
    "article_versions",
    "/articles/{id}/versions",
    since=(2, 16),
    paging=Paging.NUMBERED,
    per_page=25,
    parent="articles",
    parent_id="article_id",
    parent_updated_at="article_updated_at",
    size=3,
    added=1,
    fields={
        "type": "article_version",
        "id": serial(91_000),
        "article_id": of_parent("id"),
        "title": numbered("Earlier title № {}"),
        "description": cycle(None, "In short"),
        "author_id": some("admins"),
        "created_by_id": some("admins"),
        "created_via": cycle("editor", "api"),
        "from_version_id": None,
        "state": cycle("published", "draft"),
        "created_at": created,
        "updated_at": updated,
    },
)

INTERNAL_ARTICLES = Collection(
    "internal_articles",
    "/internal_articles",
    since=(2, 13),
    paging=Paging.NUMBERED,
    per_page=5,
    numbers_as_text=True,
    size=7,
    fields={
        "type": "internal_article",
        "id": serial(39),
        "title": numbered("Runbook {}"),
        "body": body,
        "body_markdown": _markdown,
        "owner_id": as_number(some("admins")),
        "author_id": as_number(some("admins")),
        "locale": "en",
        "audience_ids": cycle(None, []),
        "created_at": created,
        "updated_at": updated,
        **_FOR_FIN,
    },
    changed={"title": numbered("Runbook {}, revised")},
)

CONTENT_SNIPPETS = Collection(
    "content_snippets",
    "/content_snippets",
    since=(2, 16),
    paging=Paging.COUNTED,
    per_page=4,
    size=9,
    fields={
        "type": "content_snippet",
        "id": serial(770),
        "title": cycle("Refunds", None, "Öffnungszeiten"),
        "locale": cycle("en", "de"),
        "json_blocks": lambda slot: [{"type": "paragraph", "text": f"Snippet {slot.n}"}],
        "body_markdown": cycle("# Refunds", None),
        "chatbot_availability": cycle(1, 0),
        "copilot_availability": 1,
        "audience_ids": cycle([], None),
        "created_at": created,
        "updated_at": updated,
        **_FOR_FIN,
    },
)

CONTENT_IMPORT_SOURCES = Collection(
    "content_import_sources",
    "/ai/content_import_sources",
    since=(2, 12),
    paging=Paging.NUMBERED,
    size=3,
    fields={
        "type": "content_import_source",
        "id": number(33),
        "url": numbered("https://docs.example.com/{}"),
        "status": cycle("active", "deactivated"),
        "sync_behavior": cycle("automatic", "api", "manual"),
        "audience_ids": cycle([], None),
        "last_synced_at": updated,
        "created_at": created,
        "updated_at": updated,
    },
)

EXTERNAL_PAGES = Collection(
    "external_pages",
    "/ai/external_pages",
    since=(2, 12),
    paging=Paging.NUMBERED,
    per_page=6,
    size=14,
    added=1,
    fields={
        "type": "external_page",
        "id": serial(21),
        "title": numbered("Page {}"),
        "html": body,
        "url": numbered("https://docs.example.com/page/{}"),
        "ai_agent_availability": cycle(True, False),
        "ai_copilot_availability": True,
        "ai_sales_agent_availability": False,
        "fin_availability": cycle(True, False),
        "locale": "en",
        "source_id": some("content_import_sources"),
        "external_id": numbered("ext-{}"),
        "created_at": created,
        "updated_at": updated,
        "last_ingested_at": updated,
    },
)
