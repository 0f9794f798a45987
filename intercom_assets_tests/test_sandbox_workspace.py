"""The sandbox's data: the same for the same seed, complete, and consistent after every change."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from intercom_assets.sandbox.clock import Clock
from intercom_assets.sandbox.workspace import Workspace

ANCHOR = 1_760_000_000 // 86_400 * 86_400
TABLES = (
    "me", "admins", "teams", "tags", "segments", "company_segments", "contact_attributes",
    "company_attributes", "companies", "contacts", "conversations", "parts",
    "deleted_conversations", "plain", "children",
)  # fmt: skip

PART_TYPES = {
    "comment", "note", "assignment", "assign_and_reopen", "open", "close", "snoozed", "quick_reply",
    "conversation_attribute_updated_by_admin", "conversation_attribute_updated_by_workflow",
    "conversation_attribute_updated_by_user", "custom_action_started", "custom_action_finished",
    "operator_workflow_event", "merged_primary_conversation", "conversation_tags_updated",
}  # fmt: skip


@pytest.fixture(scope="module")
def default() -> Workspace:
    """A workspace as it comes; for tests that only read."""
    return Workspace(anchor=ANCHOR)


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(contacts=160, companies=40, conversations=40, anchor=ANCHOR)


def records(workspace: Workspace, collection: str) -> list[dict[str, Any]]:
    table = getattr(workspace, collection).values()
    return [part for parts in table for part in parts] if collection == "parts" else list(table)


def as_json(workspace: Workspace, *tables: str) -> str:
    data = {name: getattr(workspace, name) for name in tables or TABLES}
    data["sublists"] = [[*key, found] for key, found in workspace.sublists.items()]
    return json.dumps(data, ensure_ascii=False)


def test_same_seed_same_data() -> None:
    sizes: dict[str, Any] = {"contacts": 60, "conversations": 30, "anchor": ANCHOR}
    assert as_json(Workspace(**sizes)) == as_json(Workspace(**sizes))
    assert as_json(Workspace(**sizes)) != as_json(Workspace(seed=2, **sizes))


def test_anchor_moves_times_only() -> None:
    early, late = (
        Workspace(contacts=60, conversations=30, anchor=at) for at in (ANCHOR, ANCHOR + 86_400 * 90)
    )
    for table in ("contacts", "companies", "conversations", "parts", "segments", "tags"):
        assert list(getattr(early, table)) == list(getattr(late, table))
    assert early.contacts.keys() == late.contacts.keys()
    for id, contact in early.contacts.items():
        assert contact["name"] == late.contacts[id]["name"]
        assert contact["tags"] == late.contacts[id]["tags"]
    assert [[p["body"] for p in parts] for parts in early.parts.values()] == [
        [p["body"] for p in parts] for parts in late.parts.values()
    ]


def test_anchor_is_the_last_midnight_of_the_clock() -> None:
    workspace = Workspace(contacts=1, companies=1, conversations=1, clock=Clock(offset=1e6))
    assert workspace.plan.anchor % 86_400 == 0
    assert 0 <= workspace.clock.now() - workspace.plan.anchor < 86_400 + 5


@pytest.mark.parametrize("size", [0, 1, 2])
def test_tiny_workspaces(size: int) -> None:
    sizes = ("contacts", "companies", "conversations", "admins", "teams", "tags", "segments")
    equal: dict[str, Any] = dict.fromkeys(sizes, size)
    workspace = Workspace(**equal, anchor=ANCHOR, history_days=size)
    for name in sizes:
        assert len(getattr(workspace, name)) == size
    assert workspace.change(3)["contacts"] == 1 + min(size, 2)


def test_sizes_and_ids(default: Workspace) -> None:
    assert (len(default.contacts), len(default.companies)) == (300, 120)
    assert (len(default.conversations), len(default.admins)) == (200, 8)
    for collection in ("contacts", "companies", "segments", "company_segments"):
        for id, record in getattr(default, collection).items():
            assert record["id"] == id and len(id) == 24 and int(id, 16)
    for collection in ("admins", "teams", "tags", "conversations"):
        for id, record in getattr(default, collection).items():
            assert record["id"] == id and id.isdecimal()
    ids = [part["id"] for part in records(default, "parts")]
    assert len(set(ids)) == len(ids)
    assert len({len(id) for id in default.conversations}) > 1, "order as text is not order"


def test_times_are_realistic(default: Workspace) -> None:
    zone = ZoneInfo("America/New_York")
    for collection in ("contacts", "companies", "conversations"):
        times = [record["updated_at"] for record in records(default, collection)]
        assert max(times) <= ANCHOR and min(times) >= ANCHOR - 400 * 86_400
        assert max(Counter(times).values()) > 1, "ties"
        local = [datetime.fromtimestamp(at + 5, zone) for at in times]
        assert any(time.hour == time.minute == 0 and time.second <= 10 for time in local)
        recent = ANCHOR - timedelta(days=100).total_seconds()
        assert sum(at > recent for at in times) > len(times) / 2
        assert all(r["created_at"] <= r["updated_at"] for r in records(default, collection))


def test_many_contacts_share_one_second() -> None:
    workspace = Workspace(contacts=5_000, companies=5, conversations=0, anchor=ANCHOR)
    at = Counter(contact["updated_at"] for contact in workspace.contacts.values())
    assert max(at.values()) > 150, "more than a page of a search"


def test_parts_are_in_order_and_counted(default: Workspace) -> None:
    lengths = [len(parts) for parts in default.parts.values()]
    assert max(lengths) == 600 and {500, 501, 0} <= set(lengths)
    assert default.parts.keys() == default.conversations.keys()
    for id, parts in default.parts.items():
        conversation = default.conversations[id]
        times = [part["created_at"] for part in parts]
        assert times == sorted(times)
        assert "conversation_parts" not in conversation
        if parts:
            assert conversation["statistics"]["count_conversation_parts"] == len(parts)
            assert conversation["created_at"] <= times[0]
            assert times[-1] == conversation["updated_at"]
            assert all(p["updated_at"] <= conversation["updated_at"] for p in parts)
    assert {part["part_type"] for part in records(default, "parts")} >= PART_TYPES


def test_parts_of_real_life(default: Workspace) -> None:
    parts = records(default, "parts")
    assert any(part["redacted"] and part["body"] is None for part in parts)
    assert any(part["author"]["type"] == "bot" for part in parts)
    assert any(part["author"]["id"] not in default.admins for part in parts)
    assert any("<a href=" in (part["body"] or "") for part in parts)
    assert {type(part["event_details"]) for part in parts} == {dict, type(None)}
    assert {} in [part["event_details"] for part in parts]


def test_contacts_of_real_life(default: Workspace) -> None:
    contacts = records(default, "contacts")
    assert {contact["role"] for contact in contacts} == {"user", "lead"}
    assert any("referrer" not in contact for contact in contacts)
    assert any(contact["name"] is None for contact in contacts)
    scores = [contact["custom_attributes"].get("score") for contact in contacts]
    assert {type(score) for score in scores} == {str, int, float, bool, list, dict, type(None)}
    names = {name for contact in contacts for name in contact["custom_attributes"]}
    assert {"Favourite colour", "price.eur", 'the "best" one', "🚀 launched"} <= names
    numbers = (contact["custom_attributes"].get("account_number", 0) for contact in contacts)
    assert max(numbers) > 2**53
    text = as_json(default, "contacts")
    assert "👩" in text and "محمد" in text


def test_conversations_of_real_life(default: Workspace) -> None:
    conversations = records(default, "conversations")
    for key in ("admin_assignee_id", "team_assignee_id"):
        assert {type(conversation[key]) for conversation in conversations} == {int}
        assert any(conversation[key] == 0 for conversation in conversations)
    assert any(conversation["teammates"] is None for conversation in conversations)
    assert any(conversation["statistics"] is None for conversation in conversations)
    unanswered = [c["conversation_rating"] for c in conversations if c["conversation_rating"]]
    assert any(all(value is None for value in rating.values()) for rating in unanswered)
    due = {type(c["custom_attributes"].get("due")) for c in conversations}
    assert due == {int, str, type(None)}


def test_attributes(default: Workspace) -> None:
    for attributes in (default.contact_attributes, default.company_attributes):
        names = Counter(attribute["name"] for attribute in attributes)
        full_names = [attribute["full_name"] for attribute in attributes]
        assert names.most_common(1)[0][1] > 1, "two share a name"
        assert len(set(full_names)) == len(full_names)
        assert any(attribute["archived"] for attribute in attributes)
        for attribute in attributes:
            known = {"id", "created_at", "updated_at", "admin_id"} & attribute.keys()
            assert len(known) == (4 if attribute["custom"] else 0)


def assert_consistent(workspace: Workspace) -> None:
    """What is embedded in contacts and companies is the beginning of their lists."""
    for (owner, kind), found in workspace.sublists.items():
        assert found, "an empty list is not kept"
        assert owner in workspace.contacts or (owner in workspace.companies and kind == "notes")
    people = Counter[str]()
    for id, contact in workspace.contacts.items():
        for kind in ("tags", "companies", "notes"):
            _assert_stub(
                contact[kind], f"/contacts/{id}/{kind}", workspace.sublists.get((id, kind))
            )
        for way in ("in", "out"):
            chosen = [
                found
                for found in workspace.sublists.get((id, "subscriptions"), [])
                if found["consent_type"] == f"opt_{way}"
            ]
            stub = contact[f"opted_{way}_subscription_types"]
            _assert_stub(stub, f"/contacts/{id}/subscriptions", chosen)
        joined = [company["id"] for company in workspace.sublists.get((id, "companies"), [])]
        assert len(set(joined)) == len(joined) and set(joined) <= workspace.companies.keys()
        people.update(joined)
    for id, company in workspace.companies.items():
        assert company["user_count"] == people[id]
        url = f"/companies/{id}/notes"
        _assert_stub(company["notes"], url, workspace.sublists.get((id, "notes")))


def _assert_stub(stub: dict[str, Any], url: str, whole: list[dict[str, Any]] | None) -> None:
    whole = whole or []
    assert stub["url"] == url
    assert stub["total_count"] == len(whole)
    assert stub["has_more"] == (len(whole) > 10)
    assert [item["id"] for item in stub["data"]] == [record["id"] for record in whole[:10]]
    assert all(item.keys() == {"id", "type", "url"} for item in stub["data"])


def test_sublists_are_consistent(default: Workspace) -> None:
    assert_consistent(default)
    lengths = {kind: set[int]() for kind in ("tags", "companies", "notes", "subscriptions")}
    for (owner, kind), found in default.sublists.items():
        if owner in default.contacts:
            lengths[kind].add(len(found))
    assert all(max(found) > 11 and {10, 11} <= found for found in lengths.values())
    assert max(lengths["notes"]) > 60, "more than a page"


def test_update_touches_and_tells(workspace: Workspace) -> None:
    told: list[tuple[str, str]] = []
    workspace.listeners.append(lambda *change: told.append(change))
    id = next(iter(workspace.contacts))
    version = workspace.version
    workspace.clock.advance(3_600)
    updated = workspace.update("contacts", id, name="New 名")
    assert workspace.contacts[id] is updated and updated["name"] == "New 名"
    assert abs(updated["updated_at"] - workspace.clock.now()) <= 5
    assert workspace.version == version + 1 and told == [("contacts", id)]
    assert workspace.update("contacts", id, at=ANCHOR + 1)["updated_at"] == ANCHOR + 1


def test_untouched_update_changes_nothing_else(workspace: Workspace) -> None:
    id = next(iter(workspace.segments))
    before = dict(workspace.segments[id])
    workspace.update("segments", id, touch=False, count=99_999)
    assert workspace.segments[id] == {**before, "count": 99_999}


def test_update_never_adds_a_time(workspace: Workspace) -> None:
    assert "updated_at" not in workspace.update("tags", next(iter(workspace.tags)), name="x")
    assert "updated_at" not in workspace.update("contact_attributes", "email", label="x")


@pytest.mark.parametrize(
    "collection",
    [
        "contacts", "companies", "conversations", "segments", "company_segments", "tags", "teams",
        "admins", "contact_attributes", "company_attributes",
    ],
)  # fmt: skip
def test_create_then_delete(workspace: Workspace, collection: str) -> None:
    before = as_json(workspace, collection)
    made = workspace.create(collection, at=ANCHOR + 7, name="Made")
    assert made["name"] == "Made"
    assert made.get("updated_at", ANCHOR + 7) == ANCHOR + 7
    assert workspace.record(collection, str(made["id"])) is made
    assert as_json(workspace, collection) != before
    workspace.delete(collection, str(made["id"]))
    assert as_json(workspace, collection) == before
    with pytest.raises(KeyError):
        workspace.delete(collection, str(made["id"]))


def test_created_conversation_takes_parts(workspace: Workspace) -> None:
    conversation = workspace.create("conversations", at=ANCHOR + 1)
    assert workspace.parts[conversation["id"]] == []
    workspace.add_part(conversation["id"], at=ANCHOR + 5, body="<p>x</p>", part_type="comment")
    workspace.add_part(conversation["id"], at=ANCHOR + 9, part_type="close")
    assert [part["body"] for part in workspace.parts[conversation["id"]]] == ["<p>x</p>", None]
    assert conversation["updated_at"] == ANCHOR + 9
    assert conversation["statistics"]["count_conversation_parts"] == 2
    assert (conversation["state"], conversation["open"]) == ("closed", False)


def test_late_part_does_not_set_its_conversation_back(workspace: Workspace) -> None:
    id = next(iter(workspace.conversations))
    updated_at = workspace.conversations[id]["updated_at"]
    workspace.add_part(id, at=updated_at - 100)
    assert workspace.conversations[id]["updated_at"] == updated_at


def test_put_stores_what_it_is_given(workspace: Workspace) -> None:
    odd = {"id": 7, "updated_at": "2024-01-01T00:00:00Z", "extra": [1]}
    assert workspace.put("contacts", odd) is workspace.contacts["7"] is odd
    assert odd == {"id": 7, "updated_at": "2024-01-01T00:00:00Z", "extra": [1]}
    workspace.put("conversations", {"id": "x", "updated_at": 1})
    assert workspace.parts["x"] == []
    workspace.put_part("x", {"id": 5})
    assert workspace.parts["x"] == [{"id": 5}]
    assert workspace.conversations["x"] == {"id": "x", "updated_at": 1}
    attribute = {"full_name": "email", "label": "Odd"}
    count = len(workspace.contact_attributes)
    workspace.put("contact_attributes", attribute)
    assert attribute in workspace.contact_attributes
    assert len(workspace.contact_attributes) == count


def test_delete_leaves_no_trace_but_the_feed(workspace: Workspace) -> None:
    conversation = next(iter(workspace.conversations))
    workspace.delete("conversations", conversation)
    assert conversation not in workspace.parts
    assert workspace.deleted_conversations[conversation] <= workspace.clock.now()
    rich = next(id for id, kind in workspace.sublists if kind == "companies")
    company = workspace.sublists[rich, "companies"][0]["id"]
    tag = next(found[0]["id"] for (_, kind), found in workspace.sublists.items() if kind == "tags")
    workspace.delete("companies", company)
    workspace.delete("tags", tag)
    assert company in workspace.deleted_companies
    assert f'"{tag}", "type": "tag"' not in as_json(workspace, "contacts")
    assert_consistent(workspace)
    workspace.delete("contacts", rich)
    assert rich in workspace.deleted_contacts
    assert_consistent(workspace)


def test_merge(workspace: Workspace) -> None:
    source = next(id for id, kind in workspace.sublists if kind == "companies")
    target = next(id for id in workspace.contacts if (id, "companies") not in workspace.sublists)
    last = next(id for id in workspace.contacts if id not in (source, target))
    theirs = [company["id"] for company in workspace.sublists[source, "companies"]]
    workspace.merge_contacts(source, target)
    assert source not in workspace.contacts
    assert workspace.merged_contacts[source] == target
    assert [company["id"] for company in workspace.sublists[target, "companies"]] == theirs
    for table in (workspace.conversations, workspace.tickets, workspace.calls):
        assert source not in json.dumps(table)
    assert_consistent(workspace)
    workspace.merge_contacts(target, last)
    assert workspace.merged_contacts[source] == workspace.merged_contacts[target] == last
    assert_consistent(workspace)


def test_set_sublist(workspace: Workspace) -> None:
    id = next(iter(workspace.contacts))
    tags = list(workspace.tags.values())[:11]
    workspace.set_sublist(id, "tags", tags, at=ANCHOR + 1)
    assert workspace.contacts[id]["updated_at"] == ANCHOR + 1
    assert workspace.contacts[id]["tags"]["has_more"] is True
    workspace.set_sublist(id, "subscriptions", list(workspace.plain["subscription_types"].values()))
    assert_consistent(workspace)
    workspace.set_sublist(id, "tags", [])
    assert workspace.contacts[id]["tags"]["data"] == []
    company = next(iter(workspace.companies))
    notes = next(found for (_, kind), found in workspace.sublists.items() if kind == "notes")
    workspace.set_sublist(company, "notes", notes)
    assert_consistent(workspace)
    with pytest.raises(KeyError):
        workspace.set_sublist(id, "segments", [])


def test_setting_companies_counts_people(workspace: Workspace) -> None:
    id = next(iter(workspace.contacts))
    for wanted in (3, 1, 12):
        workspace.set_sublist(id, "companies", list(workspace.companies.values())[:wanted])
        assert_consistent(workspace)


def test_hidden_conversations_are_listed_but_deleted() -> None:
    sizes: dict[str, Any] = {"contacts": 5, "companies": 5, "conversations": 20, "anchor": ANCHOR}
    assert Workspace(**sizes).hidden_conversations == set()
    workspace = Workspace(**sizes, hidden=2)
    assert len(workspace.hidden_conversations) == 2
    assert workspace.hidden_conversations <= workspace.conversations.keys()
    assert workspace.hidden_conversations <= workspace.deleted_conversations.keys()


def test_some_conversations_were_deleted_already(default: Workspace) -> None:
    assert default.deleted_conversations
    assert not default.deleted_conversations.keys() & default.conversations.keys()
    assert all(at <= ANCHOR for at in default.deleted_conversations.values())


def test_change_counts_what_it_changes(workspace: Workspace) -> None:
    for _ in range(3):
        before = {
            name: {id: json.dumps(record) for id, record in getattr(workspace, name).items()}
            for name in ("contacts", "companies", "conversations", "segments", "tags")
        }
        parts = len(records(workspace, "parts"))
        workspace.clock.advance(600)
        counts = workspace.change(6)
        for name, known in before.items():
            now = getattr(workspace, name)
            changed = [id for id in now if json.dumps(now[id]) != known.get(id)]
            assert len(changed) == counts[name] > 0
        assert len(records(workspace, "parts")) - parts == counts["conversation_parts"] > 0
        assert_consistent(workspace)


def test_clock_ticks_and_moves() -> None:
    clock = Clock()
    before = clock.time()
    clock.advance(100)
    assert 100 <= clock.time() - before < 105
    assert isinstance(clock.now(), int)
