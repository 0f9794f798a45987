"""What the sandbox holds, compared field by field with what landed.

Written from the documentation of the tables alone: it imports nothing of what it checks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from intercom_assets.sandbox import Workspace
from intercom_assets.sandbox.collections import NESTED, PLAIN
from intercom_assets.sandbox.collections.declaration import Collection, Nested
from intercom_assets.sandbox.phone_calls import with_transcript
from intercom_assets.sandbox.text import plaintext
from intercom_assets_tests.warehouses import opened

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# Columns in which an envelope around a list is taken off, of what the sandbox does not declare.
LISTS = {
    "contacts": {
        "tags": "data",
        "notes": "data",
        "companies": "data",
        "opted_in_subscription_types": "data",
        "opted_out_subscription_types": "data",
        "social_profiles": "data",
    },
    "companies": {"tags": "tags", "segments": "segments", "notes": "data"},
    "tickets": {"contacts": "contacts", "linked_objects": "data"},
    "ticket_types": {"ticket_states": "data"},
    "ticket_states": {"ticket_types": "data"},
    "conversations": {
        "tags": "tags",
        "contacts": "contacts",
        "teammates": "admins",
        "topics": "topics",
        "linked_objects": "data",
    },
}
SUBLISTS = {
    "tags": ("tags", None),
    "companies": ("companies", None),
    "notes": ("notes", None),
    "opted_in_subscription_types": ("subscriptions", "opt_in"),
    "opted_out_subscription_types": ("subscriptions", "opt_out"),
}
NEWEST_PARTS = 500
LISTED_DAYS = 90
# What hangs on a record: the record's collection, what the sandbox calls it, the parent's column.
ATTACHED = {
    "contact_merges": ("contacts", "merge_history", "contact"),
    "contact_segments": ("contacts", "segments", "contact"),
    "data_events": ("contacts", "events", "contact"),
    "handling_events": ("conversations", "handling_events", "conversation"),
    "side_conversations": ("conversations", "side_conversations", "conversation"),
}
# What tells rows apart, where it is not the id, and of a child its parent's with it.
KEYS = {
    "contact_attributes": ["full_name"],
    "company_attributes": ["full_name"],
    "workspace": ["id_code"],
    "contact_merges": ["contact_id", "source_contact_id"],
    "contact_segments": ["contact_id", "id"],
    "side_conversations": ["conversation_id", "side_conversation_id"],
    "call_transcripts": ["call_id"],
}


def raw_records(workspace: Workspace, stream: str) -> list[dict[str, Any]]:
    """The records that a table must hold, as Intercom would send them, lists completed."""
    if stream == "contacts":
        return [_whole_contact(workspace, contact) for contact in workspace.contacts.values()]
    if stream == "conversations":
        return [_reviewed(workspace, one) for one in workspace.conversations.values()]
    if stream == "conversation_parts":
        return [
            part
            for id, conversation in workspace.conversations.items()
            if id not in workspace.hidden_conversations
            for part in _parts(workspace, id, conversation)
        ]
    if stream == "companies":
        return [_whole_company(workspace, company) for company in workspace.companies.values()]
    if stream in ATTACHED:
        return _attached(workspace, stream)
    if stream == "call_transcripts":
        return [
            {
                "call_id": call["id"],
                "conversation_id": call["conversation_id"],
                "call_updated_at": call["updated_at"],
                **{name: told[name] for name in ("transcript", "transcript_status")},
            }
            for call in workspace.calls.values()
            for told in [with_transcript(call)]
            if call["conversation_id"] and told["transcript"]
        ]
    if stream == "ticket_parts":
        return [
            part
            for id, ticket in workspace.tickets.items()
            for part in _ticket_parts(workspace, id, ticket)
        ]
    if stream == "workspace":
        return [workspace.me["app"]]
    if stream == "deleted_conversations":
        deleted = workspace.deleted_conversations
        return [
            {"type": "conversation", "id": id, "metrics_retained": True, "deleted_at": at}
            for id, at in deleted.items()
        ]
    if stream in PLAIN and PLAIN[stream].is_child:
        return _children(workspace, PLAIN[stream])
    if stream in NESTED:
        return _nested(workspace, NESTED[stream])
    name = "admins" if stream == "admin_list" else stream
    taken = {nested.inside.split(".")[0] for nested in NESTED.values() if nested.parent == stream}
    return [
        {field: value for field, value in record.items() if field not in taken}
        for record in workspace.records(name)
    ]


def differences(
    database: Path | str, workspace: Workspace, stream: str, schema: str = "intercom"
) -> list[str]:
    """Every way in which a table's rows that are not gone and the sandbox disagree."""
    # In a lake each stream has its own.
    columns = f"_columns_{stream}" if str(database).startswith("ducklake:") else "_columns"
    with opened(database) as connection:
        connection.execute("set TimeZone = 'UTC'")
        described = connection.execute(f'describe "{schema}"."{stream}"').fetchall()
        types = {row[0]: row[1] for row in described}
        renamed = dict(
            connection.execute(
                f'select field, column_name from "{schema}".{columns} where stream = ?', [stream]
            ).fetchall()
        )
        rows = connection.execute(
            f'select * from "{schema}"."{stream}" where _deleted_at is null'
        ).fetchall()
    landed = [dict(zip(types, row, strict=True)) for row in rows]
    return disagreements(workspace, stream, landed, types, renamed)


def disagreements(
    workspace: Workspace,
    stream: str,
    landed: list[dict[str, Any]],
    types: dict[str, str],
    renamed: dict[str, str],
) -> list[str]:
    """Every way in which rows and the sandbox disagree.

    Args:
        workspace: The sandbox's records.
        stream: Their stream.
        landed: Rows, each with all columns.
        types: DuckDB's types of the columns.
        renamed: Columns of fields that could not keep their name.
    """
    wanted = raw_records(workspace, stream)
    if stream in PLAIN and PLAIN[stream].observed_at:
        landed = _newest_of_each_parent(landed, PLAIN[stream])
    key = _key_of(stream)
    # Parts that were stored while they were among the newest stay.
    owned = {"conversation_parts": workspace.parts, "ticket_parts": workspace.ticket_parts}
    older = {part["id"] for held in owned.get(stream, {}).values() for part in held[:-NEWEST_PARTS]}
    keys = [key(row) for row in landed if row.get("id") not in older]
    problems = _key_problems(keys, [key(record) for record in wanted])
    by_key = {key(row): row for row in landed}
    for record in wanted:
        row = by_key.get(key(record))
        if row is not None:
            problems += _field_problems(stream, record, row, types, renamed)
    return problems


def _newest_of_each_parent(rows: list[dict[str, Any]], of: Collection) -> list[dict[str, Any]]:
    """The rows of the newest answer for each parent, which come in seconds of their own."""
    newest: dict[Any, Any] = {}
    for row in rows:
        parent, at = row[of.parent_id], row[of.observed_at]
        newest[parent] = max(at, newest.get(parent, at))
    return [row for row in rows if row[of.observed_at] == newest[row[of.parent_id]]]


def _key_of(stream: str) -> Callable[[dict[str, Any]], str]:
    """What tells a stream's rows apart, as text."""
    declared = PLAIN.get(stream)
    names = KEYS.get(stream) or [declared.id if declared else "id"]
    if declared and declared.is_child and stream not in KEYS:
        names = [declared.parent_id, *names]
    return lambda row: " ".join(str(row[name]) for name in names)


def _key_problems(landed: list[str], wanted: list[str]) -> list[str]:
    problems = [f"{key} is missing" for key in sorted(set(wanted) - set(landed))]
    problems += [f"{key} is there, but not at the source" for key in set(landed) - set(wanted)]
    if len(landed) != len(set(landed)):
        problems.append(f"{len(landed) - len(set(landed))} keys are there twice")
    return problems


def _field_problems(
    stream: str,
    record: dict[str, Any],
    row: dict[str, Any],
    types: dict[str, str],
    renamed: dict[str, str],
) -> list[str]:
    problems, filled = (
        [],
        {
            "_synced_at",
            "_deleted_at",
            "_merged_into",
            "_unparsed",
            PLAIN[stream].observed_at if stream in PLAIN else "",
        },
    )
    for field, value in record.items():
        column = renamed.get(field, field)
        filled.add(column)
        if column not in types:
            problems.append(f"{record.get('id')}: no column for {field!r}")
            continue
        wanted = _wanted(stream, field, value, types[column])
        found = json.loads(row[column]) if types[column] == "JSON" and row[column] else row[column]
        if wanted != found or (isinstance(wanted, bool) != isinstance(found, bool)):
            problems.append(f"{record.get('id')}.{field}: {found!r} instead of {wanted!r}")
    for column in row.keys() - filled:
        if row[column] is not None:
            problems.append(f"{record.get('id')}.{column}: {row[column]!r} comes from nowhere")
    if row["_synced_at"] is None:
        problems.append(f"{record.get('id')} has no _synced_at")
    return problems


def _wanted(stream: str, field: str, value: Any, kind: str) -> Any:
    lists = PLAIN[stream].lists if stream in PLAIN else LISTS.get(stream, {})
    inside = lists.get(field)
    if inside and isinstance(value, dict) and isinstance(value.get(inside), list):
        value = value[inside]
    if field in ("admin_assignee_id", "team_assignee_id") and value in (0, "0", ""):
        return None
    if value is None:
        return None
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _moment(value)
    if kind == "VARCHAR" and not isinstance(value, str):
        return json.dumps(value)
    return value


def _moment(value: Any) -> datetime | None:
    if value == "":
        return None
    try:
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        number = float(value)
        return EPOCH + timedelta(seconds=number / 1000 if abs(number) > 1e11 else number)
    except (OverflowError, ValueError):
        return None  # no calendar has it: it is kept in _unparsed


def _children(workspace: Workspace, collection: Collection) -> list[dict[str, Any]]:
    """The children of every parent, each with what it tells of it."""
    if collection.kinds:
        return [child for held in workspace.children[collection.name].values() for child in held]
    return [
        {**child, **_of_parent(collection, parent)}
        for parent in workspace.records(str(collection.parent))
        for child in workspace.children[collection.name].get(str(parent["id"]), [])
    ]


def _nested(workspace: Workspace, nested: Nested) -> list[dict[str, Any]]:
    """What stands in the records of a parent, each with what it tells of it."""
    found = []
    for parent in workspace.records(nested.parent):
        items: Any = parent
        for name in nested.inside.split("."):
            items = items[name]
        found += [{**item, **_of_parent(nested, parent)} for item in items]
    return found


def _of_parent(child: Collection | Nested, parent: dict[str, Any]) -> dict[str, Any]:
    told = {child.parent_id: str(parent["id"])}
    if child.parent_updated_at:
        told[child.parent_updated_at] = parent["updated_at"]
    return told


def _attached(workspace: Workspace, stream: str) -> list[dict[str, Any]]:
    collection, kind, noun = ATTACHED[stream]
    found = []
    for id, parent in getattr(workspace, collection).items():
        if kind == "merge_history" and parent["role"] != "user":
            continue
        context = {f"{noun}_id": id, f"{noun}_updated_at": parent["updated_at"]}
        for record in workspace.attached(id, kind):
            if stream == "data_events" and record["created_at"] <= _oldest(workspace):
                continue
            found.append({**_own_id(stream, id, record), **record, **context})
    return found


def _own_id(stream: str, parent: str, record: dict[str, Any]) -> dict[str, Any]:
    """The id of a record that has none at Intercom."""
    if stream == "handling_events":
        return {"id": _hash([parent, record])}
    if stream == "data_events" and "id" not in record:
        told = [record[name] for name in ("event_name", "created_at", "metadata")]
        return {"id": _hash([parent, *told])}
    return {}


def _oldest(workspace: Workspace) -> int:
    return int(workspace.clock.now()) - LISTED_DAYS * 86_400


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _whole_contact(workspace: Workspace, contact: dict[str, Any]) -> dict[str, Any]:
    whole = dict(contact)
    if contact.get("role") == "user":
        whole["merge_history"] = workspace.attached(contact["id"], "merge_history")
    for field, (kind, consent) in SUBLISTS.items():
        value = whole.get(field)
        if isinstance(value, dict) and value.get("has_more"):
            items = workspace.sublists[contact["id"], kind]
            whole[field] = {
                "data": [
                    _with_url(item) for item in items if consent in (None, item.get("consent_type"))
                ]
            }
    return whole


def _with_url(item: dict[str, Any]) -> dict[str, Any]:
    """An item with the url that it has where Intercom embeds it."""
    routes = {"company": "companies", "subscription": "subscription_types"}
    route = routes.get(item["type"], f"{item['type']}s")
    return {"url": f"/{route}/{item['id']}", **item}


def _reviewed(workspace: Workspace, conversation: dict[str, Any]) -> dict[str, Any]:
    shown = ("monitor_evaluations", "scorecards")
    lists = {kind: workspace.attached(conversation["id"], kind) for kind in shown}
    return {**conversation, **lists}


def _whole_company(workspace: Workspace, company: dict[str, Any]) -> dict[str, Any]:
    notes = company.get("notes")
    if isinstance(notes, dict) and notes.get("has_more"):
        notes = [_with_url(note) for note in workspace.sublists[company["id"], "notes"]]
        return {**company, "notes": {"data": notes}}
    return company


def _parts(workspace: Workspace, id: str, conversation: dict[str, Any]) -> list[dict[str, Any]]:
    parts = workspace.parts.get(id, [])
    # Translations come to those who ask for them.
    return [
        {
            **{name: value for name, value in part.items() if name != "translations"},
            "body": plaintext(part["body"]) if part.get("body") else part.get("body"),
            "conversation_id": id,
            "conversation_total_parts": len(parts),
            "conversation_created_at": conversation["created_at"],
            "conversation_updated_at": conversation["updated_at"],
            "_parts_truncated": len(parts) > NEWEST_PARTS,
        }
        for part in parts[-NEWEST_PARTS:]
    ]


def _ticket_parts(workspace: Workspace, id: str, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    parts = workspace.ticket_parts.get(id, [])
    return [
        {
            **part,
            "ticket_id": id,
            "ticket_total_parts": len(parts),
            "ticket_updated_at": ticket["updated_at"],
            "_parts_truncated": len(parts) > NEWEST_PARTS,
        }
        for part in parts[-NEWEST_PARTS:]
    ]
