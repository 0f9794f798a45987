"""A busy minute of a workspace, for demonstrations."""

from __future__ import annotations

from intercom_assets.sandbox import consequences, replies
from intercom_assets.sandbox.attached import attach, attached, events
from intercom_assets.sandbox.collections import PLAIN
from intercom_assets.sandbox.collections.declaration import Collection
from intercom_assets.sandbox.tables import Tables


def change(workspace: Tables, n: int) -> dict[str, int]:
    """Changes some contacts, companies, conversations, segments and tags."""
    conversations, parts = _talk(workspace, n)
    return {
        "contacts": _contacts(workspace, n),
        "companies": _companies(workspace, max(n // 2, 1)),
        "conversations": conversations,
        "conversation_parts": parts,
        **_tickets(workspace, n),
        "segments": _segments(workspace),
        "tags": _tags(workspace),
        **{name: _declared(workspace, collection) for name, collection in PLAIN.items()},
    }


def _declared(workspace: Tables, collection: Collection) -> int:
    """One record changes as its declaration says, and some are added."""
    name, count = collection.name, 0
    if collection.is_child:
        parents = list(workspace.children[name])
        for _ in range(min(collection.added, len(parents))):
            workspace.add_child(name, workspace.rng.choice(parents))
            count += 1
        return count
    for ident in workspace.rng.sample(list(workspace.plain[name]), bool(workspace.plain[name])):
        fields = workspace.changed_fields(name)
        if fields or "updated_at" in workspace.record(name, ident):
            workspace.update(name, ident, **fields)
            count += 1
    for _ in range(collection.added):
        workspace.create(name)
    return count + collection.added


def _some(workspace: Tables, collection: str, n: int) -> list[str]:
    ids = [str(record["id"]) for record in workspace.records(collection)]
    return workspace.rng.sample(ids, min(n, len(ids)))


def _contacts(workspace: Tables, n: int) -> int:
    """Somebody new, somebody tagged, and the others seen."""
    chosen = _some(workspace, "contacts", n - 1)
    now = workspace.time()
    for ident in chosen:
        contact = workspace.record("contacts", ident)
        happened = len(attached(workspace, ident, "events"))
        attach(workspace, ident, "events", events.event(contact, happened, now))
        workspace.update("contacts", ident, last_seen_at=now, browser_version=f"{now % 200}.0")
    if chosen and workspace.tags:
        tag = workspace.record("tags", _some(workspace, "tags", 1)[0])
        worn = workspace.sublists.get((chosen[0], "tags"), [])
        applied = {**tag, "applied_at": now, "applied_by": None}
        others = [other for other in worn if other["id"] != tag["id"]]
        consequences.set_sublist(workspace, chosen[0], "tags", [*others, applied])
    workspace.create("contacts")
    return len(chosen) + 1


def _companies(workspace: Tables, n: int) -> int:
    chosen = _some(workspace, "companies", n)
    for ident in chosen:
        sessions = workspace.record("companies", ident)["session_count"] + 1
        now = workspace.time()
        workspace.update("companies", ident, session_count=sessions, last_request_at=now)
    return len(chosen)


def _talk(workspace: Tables, n: int) -> tuple[int, int]:
    """A new conversation, and one or two more parts in others."""
    listed = [id for id in workspace.conversations if id not in workspace.hidden_conversations]
    chosen = workspace.rng.sample(listed, min(max(n - 1, 0), len(listed)))
    parts = 0
    for place, ident in enumerate(chosen):
        for _ in range(1 + place % 2):
            replies.add(workspace, ident)
            parts += 1
    workspace.create("conversations")
    return len(chosen) + 1, parts


def _tickets(workspace: Tables, n: int) -> dict[str, int]:
    """A new ticket, a word in some, and one that moves on."""
    chosen = _some(workspace, "tickets", max(n // 2, 1))
    for ident in chosen[1:]:
        replies.add_to_ticket(workspace, ident, part_type="comment")
    for ident in chosen[:1]:
        replies.move_ticket(workspace, ident, workspace.next_state(ident))
    if workspace.ticket_types:
        workspace.create("tickets")
    return {"tickets": len(chosen) + 1, "ticket_parts": len(chosen)}


def _segments(workspace: Tables) -> int:
    """Counts move without any sign in updated_at."""
    chosen = _some(workspace, "segments", 1)
    for ident in chosen:
        count = workspace.record("segments", ident)["count"] + 1
        workspace.update("segments", ident, touch=False, count=count)
    return len(chosen)


def _tags(workspace: Tables) -> int:
    workspace.create("tags")
    return 1
