"""What a part does to the conversation that it is added to."""

from __future__ import annotations

from intercom_assets.sandbox import measures
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables

_STATES = {
    "close": "closed",
    "close_with_comment": "closed",
    "open": "open",
    "assign_and_reopen": "open",
    "snoozed": "snoozed",
}


def add(
    workspace: Tables, conversation_id: str, *, at: int | None = None, **fields: object
) -> Record:
    """Adds a part to a conversation, which becomes as new as the part, but never older."""
    with workspace.changing("parts", conversation_id):
        when = workspace.time(at)
        kind = fields.get("part_type")
        part = workspace.new_part(conversation_id, when, str(kind) if kind else None)
        part.update(fields)
        _append(workspace, conversation_id, part, when)
        return part


def _append(workspace: Tables, conversation_id: str, part: Record, at: int) -> None:
    conversation = workspace.record("conversations", conversation_id)
    parts = workspace.parts[conversation_id]
    parts.append(part)
    statistics = conversation.get("statistics") or measures.fresh(0)
    fields: Record = {"statistics": {**statistics, "count_conversation_parts": len(parts)}}
    state = _STATES.get(part["part_type"])
    if state:
        fields.update(state=state, open=state == "open")
    newest = max(at, conversation.get("updated_at") or 0)
    workspace.update("conversations", conversation_id, at=newest, **fields)


def add_to_ticket(
    workspace: Tables,
    ticket_id: str,
    *,
    touch: bool = True,
    at: int | None = None,
    **fields: object,
) -> Record:
    """Adds a part to a ticket, which becomes as new as the part if it is touched."""
    with workspace.lock:
        when = workspace.time(at)
        kind = str(fields.get("part_type", "comment"))
        part = {**workspace.new_ticket_part(ticket_id, when, kind), **fields}
        workspace.put_ticket_part(ticket_id, part)
        if touch:
            workspace.update("tickets", ticket_id, at=_latest(workspace, ticket_id, when))
        return part


def move_ticket(
    workspace: Tables, ticket_id: str, state_id: str, *, at: int | None = None
) -> Record:
    """Puts a ticket into a state; returns the part that tells of it."""
    with workspace.lock:
        when = workspace.time(at)
        fields, part = workspace.moved_ticket(ticket_id, state_id, when)
        workspace.put_ticket_part(ticket_id, part)
        workspace.update("tickets", ticket_id, at=_latest(workspace, ticket_id, when), **fields)
        return part


def _latest(workspace: Tables, ticket_id: str, at: int) -> int:
    return max(at, workspace.record("tickets", ticket_id).get("updated_at") or 0)
