"""An OpenAPI description of the calls that the sandbox answers, made from its routes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from intercom_assets.sandbox.calls import VERSIONS
from intercom_assets.sandbox.operators import OPERATORS

_NUMBER = {"type": "integer"}
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
# Any call may be given any of these; most heed a few.
_NUMBERS = (
    "page", "per_page", "since", "before", "created_at_after", "created_at_before",
    "updated_since", "start_ts", "end_ts",
)  # fmt: skip
_TEXTS = (
    "starting_after", "cursor", "scroll_param", "user_id", "email", "intercom_user_id",
    "company_id", "name", "tag_id", "segment_id",
)  # fmt: skip
_FLAGS = (
    "summary", "include_count", "include_archived", "display_avatar", "include_merge_history",
    "include_monitors", "include_scorecards", "include_translations",
)  # fmt: skip
_PARAMETERS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(_NUMBERS, _NUMBER),
    **dict.fromkeys(_TEXTS, _TEXT),
    **dict.fromkeys(_FLAGS, _FLAG),
    "order": {"enum": ["asc", "desc"]},
    "model": {"enum": ["contact", "company", "conversation"]},
    "type": {"enum": ["user", "company"]},
    "display_as": {"enum": ["plaintext"]},
}
_VALUE = {"type": ["string", "number", "boolean", "null"]}
_FILTER = {
    "type": "object",
    "required": ["field", "operator", "value"],
    "properties": {
        "field": {
            "anyOf": [
                {"enum": ["id", "created_at", "updated_at", "state", "role", "open", "tag_id"]},
                _TEXT,
            ]
        },
        "operator": {"enum": sorted(OPERATORS)},
        "value": {"anyOf": [_VALUE, {"type": "array", "items": _VALUE}]},
    },
}
_GROUP = {
    "type": "object",
    "required": ["operator", "value"],
    "properties": {
        "operator": {"enum": ["AND", "OR"]},
        "value": {"type": "array", "minItems": 1, "maxItems": 15, "items": _FILTER},
    },
}
_SORT = {
    "type": "object",
    "required": ["field"],
    "properties": {
        "field": {"anyOf": [{"enum": ["id", "updated_at"]}, _TEXT]},
        "order": {"enum": ["ascending", "descending"]},
    },
}
_SEARCH = {
    "type": "object",
    "required": ["query"],
    "properties": {
        "query": {"anyOf": [_FILTER, _GROUP]},
        "sort": _SORT,
        "pagination": {
            "type": "object",
            "properties": {"per_page": _NUMBER, "starting_after": _TEXT},
        },
        "conversation_ids": {"type": "array", "items": _TEXT},
    },
}


def describe(routes: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The description of calls.

    Args:
        routes: Methods and paths, in which ``*`` stands for an id.
    """
    paths: dict[str, dict[str, Any]] = {}
    for method, pattern in sorted(routes):
        paths.setdefault(pattern.replace("*", "{id}"), {})[method.lower()] = _call(method, pattern)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The sandbox", "version": "2.16"},
        "security": [{"token": []}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _call(method: str, pattern: str) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "schema": schema} for name, schema in _PARAMETERS.items()
    ]
    versions = {"enum": sorted(VERSIONS)}
    parameters.append({"name": "Intercom-Version", "in": "header", "schema": versions})
    if "*" in pattern:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": _TEXT})
    call: dict[str, Any] = {"parameters": parameters, "responses": {"default": {"description": ""}}}
    if method == "POST":
        call["requestBody"] = {"content": {"application/json": {"schema": _SEARCH}}}
    return call
