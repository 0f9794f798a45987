"""What else changes when a record goes, or a list does."""

from __future__ import annotations

from dataclasses import dataclass

from intercom_assets.sandbox import sublists
from intercom_assets.sandbox.attached import OF_CONTACTS, OF_CONVERSATIONS, attach, attached, merges
from intercom_assets.sandbox.collections import PLAIN
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables


@dataclass(frozen=True)
class Belongings:
    """What goes with a record.

    Attributes:
        record: The record itself.
        parts: Of a conversation or ticket.
        lists: By the record's id and their kind.
        children: By their collection.
    """

    record: Record
    parts: list[Record]
    lists: dict[tuple[str, str], list[Record]]
    children: dict[str, list[Record]]


def belongings(workspace: Tables, collection: str, id: str) -> Belongings:
    """A record with its parts and lists, to be kept while it is gone."""
    owned = {"conversations": workspace.parts, "tickets": workspace.ticket_parts}
    lists = {key: records for key, records in workspace.sublists.items() if key[0] == id}
    parts = owned.get(collection, {}).get(id, [])
    children = {
        name: workspace.children[name][id]
        for name in _children_of(collection)
        if id in workspace.children[name]
    }
    return Belongings(workspace.record(collection, id), parts, lists, children)


def bring_back(workspace: Tables, collection: str, kept: Belongings) -> None:
    """Puts back a record that was removed, with what belonged to it."""
    ident = str(kept.record.get("id"))
    workspace.sublists |= kept.lists
    if collection == "contacts":
        recount(workspace, [], kept.lists.get((ident, "companies"), []))
    for tombs in (
        workspace.deleted_contacts,
        workspace.deleted_companies,
        workspace.deleted_conversations,
    ):
        tombs.pop(ident, None)
    workspace.put(collection, kept.record)
    for name, children in kept.children.items():
        workspace.children[name][ident] = children
    if collection in ("conversations", "tickets"):
        owned = workspace.parts if collection == "conversations" else workspace.ticket_parts
        owned[ident] = kept.parts


def remove(workspace: Tables, collection: str, id: str) -> None:
    """Removes a record; contacts and conversations that it is taken off count as changed."""
    workspace.forget(collection, id)
    for name in _children_of(collection):
        workspace.children[name].pop(id, None)
    if collection == "contacts":
        workspace.deleted_contacts[id] = workspace.time()
        _leave(workspace, id)
    elif collection == "companies":
        workspace.deleted_companies[id] = workspace.time()
        workspace.sublists.pop((id, "notes"), None)
        _take_off_contacts(workspace, "companies", id)
    elif collection == "conversations":
        workspace.deleted_conversations[id] = workspace.time()
        workspace.hidden_conversations.discard(id)
        workspace.parts.pop(id, None)
        for kind in OF_CONVERSATIONS:
            workspace.sublists.pop((id, kind), None)
        _unlink(workspace, "tickets", id)
    elif collection == "tickets":
        workspace.ticket_parts.pop(id, None)
        _unlink(workspace, "conversations", id)
    elif collection == "tags":
        _take_off_contacts(workspace, "tags", id)
        _untag(workspace, "companies", id)
        _untag(workspace, "conversations", id)


def _children_of(collection: str) -> list[str]:
    return [name for name, each in PLAIN.items() if each.is_child and each.parent == collection]


def merge(workspace: Tables, source: str, target: str) -> None:
    """Moves lists and conversations of one contact to another."""
    if source == target:
        raise ValueError("a contact cannot be merged into itself")
    survivor = workspace.record("contacts", target)
    merged = workspace.record("contacts", source)
    _note_merge(workspace, merged, survivor)
    for kind in sublists.KINDS:
        _unite(workspace, kind, source, target)
    workspace.forget("contacts", source)
    _leave(workspace, source)
    for earlier, into in workspace.merged_contacts.items():
        if into == source:
            workspace.merged_contacts[earlier] = target
    workspace.merged_contacts[source] = target
    _hand_over(workspace, source, survivor)
    workspace.update("contacts", target)


def remember_merges(workspace: Tables) -> None:
    """Knows whom the merges before the workspace's history concerned."""
    for ident in workspace.contacts:
        for entry in attached(workspace, ident, "merge_history"):
            workspace.merged_contacts[entry["source_contact_id"]] = ident


def _note_merge(workspace: Tables, source: Record, survivor: Record) -> None:
    """The survivor's history names the source, and those whom the source took over before."""
    earlier = attached(workspace, source["id"], "merge_history")
    for entry in (*earlier, merges.merge(source["id"], source["role"], workspace.time())):
        attach(workspace, survivor["id"], "merge_history", entry)
    if source["external_id"] is not None:
        workspace.merged_external_ids[source["external_id"]] = survivor["id"]


def set_sublist(
    workspace: Tables,
    id: str,
    kind: str,
    records: list[Record],
    *,
    touch: bool = True,
    at: int | None = None,
) -> Record:
    """Replaces a list of a contact or a company, and what is embedded of it."""
    if kind not in sublists.KINDS:
        raise KeyError(f"no list is called {kind!r}")
    with workspace.lock:
        collection = "contacts" if id in workspace.contacts else "companies"
        workspace.record(collection, id)
        if kind == "companies":
            recount(workspace, workspace.sublists.get((id, kind), []), records)
        if records:
            workspace.sublists[id, kind] = list(records)
        else:
            workspace.sublists.pop((id, kind), None)
        fields = sublists.embedded(id, kind, records, owner=collection)
        return workspace.update(collection, id, touch=touch, at=at, **fields)


def recount(workspace: Tables, before: list[Record], after: list[Record]) -> None:
    """Counts one person less or more in companies; that is no change of theirs."""
    left, joined = ({company["id"] for company in found} for found in (before, after))
    for ids, step in ((left - joined, -1), (joined - left, 1)):
        for ident in sorted(ids & workspace.companies.keys()):
            count = workspace.companies[ident].get("user_count", 0) + step
            workspace.update("companies", ident, touch=False, user_count=count)


def _leave(workspace: Tables, contact_id: str) -> None:
    """Drops a contact's lists."""
    recount(workspace, workspace.sublists.get((contact_id, "companies"), []), [])
    for kind in (*sublists.KINDS, *OF_CONTACTS):
        workspace.sublists.pop((contact_id, kind), None)


def _unite(workspace: Tables, kind: str, source: str, target: str) -> None:
    kept = workspace.sublists.get((target, kind), [])
    known = {record["id"] for record in kept}
    moved = [r for r in workspace.sublists.get((source, kind), []) if r["id"] not in known]
    if not moved:
        return
    if kind == "notes":
        moved = [{**note, "contact": {"type": "contact", "id": target}} for note in moved]
    set_sublist(workspace, target, kind, [*kept, *moved])


def _hand_over(workspace: Tables, source: str, survivor: Record) -> None:
    """Puts the survivor in the place of the source in its conversations, tickets and calls."""
    reference = {key: survivor[key] for key in ("type", "id", "external_id")}
    for collection in ("conversations", "tickets"):
        for ident, record in list(_table(workspace, collection).items()):
            listed = (record.get("contacts") or {}).get("contacts") or []
            if all(contact["id"] != source for contact in listed):
                continue
            others = [c for c in listed if c["id"] not in (source, survivor["id"])]
            contacts = {**record["contacts"], "contacts": [reference, *others]}
            workspace.update(collection, ident, contacts=contacts)
    for ident, call in workspace.calls.items():
        if call["contact_id"] == source:
            workspace.update("calls", ident, touch=False, contact_id=survivor["id"])


def _unlink(workspace: Tables, collection: str, id: str) -> None:
    """Takes a record off the linked objects of others, and off the conversation it was made of."""
    for ident, record in list(_table(workspace, collection).items()):
        links = record.get("linked_objects") or {}
        rest = [link for link in links.get("data", ()) if link["id"] != id]
        if len(rest) < len(links.get("data", ())):
            listed = {**links, "data": rest, "total_count": len(rest)}
            workspace.update(collection, ident, linked_objects=listed)
        if (record.get("ticket") or {}).get("id") == id:
            workspace.update(collection, ident, ticket=None)


def _table(workspace: Tables, collection: str) -> dict[str, Record]:
    table: dict[str, Record] = getattr(workspace, collection)
    return table


def _take_off_contacts(workspace: Tables, kind: str, id: str) -> None:
    for (owner, listed), records in list(workspace.sublists.items()):
        if listed == kind and any(record["id"] == id for record in records):
            rest = [record for record in records if record["id"] != id]
            set_sublist(workspace, owner, kind, rest)


def _untag(workspace: Tables, collection: str, tag_id: str) -> None:
    for ident, record in list(_table(workspace, collection).items()):
        tags = (record.get("tags") or {}).get("tags") or []
        if any(tag["id"] == tag_id for tag in tags):
            rest = [tag for tag in tags if tag["id"] != tag_id]
            workspace.update(collection, ident, tags={**record["tags"], "tags": rest})
