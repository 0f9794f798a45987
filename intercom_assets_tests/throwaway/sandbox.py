"""Surveys, and what people answered."""

from __future__ import annotations

from intercom_assets.sandbox.collections.declaration import Collection, Paging
from intercom_assets.sandbox.collections.values import (
    body,
    created,
    cycle,
    numbered,
    serial,
    some,
    updated,
)

SURVEYS = Collection(
    "surveys",
    "/surveys",
    since=(2, 16),
    kind="survey.list",
    key="surveys",
    paging=Paging.SEARCH,
    size=30,
    added=2,
    fields={
        "type": "survey",
        "id": serial(95),
        "title": numbered("How was it, for the {}th time?"),
        "state": cycle("open", "closed"),
        "contact_id": some("contacts"),
        "tags": lambda slot: {"type": "tag.list", "tags": [{"type": "tag", "id": str(slot.n)}]},
        "created_at": created,
        "updated_at": updated,
    },
    changed={"title": numbered("How is it, for the {}th time?")},
    lists={"tags": "tags"},
)

SURVEY_ANSWERS = Collection(
    "survey_answers",
    "/surveys/{id}/answers",
    since=(2, 16),
    parent="surveys",
    parent_id="survey_id",
    parent_updated_at="survey_updated_at",
    size=3,
    added=1,
    fields={"type": "survey_answer", "id": serial(1), "body": body, "created_at": created},
)
