"""The sandbox's search keeps Intercom's rules, those that surprise above all."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.sandbox_api import Api, code, updated

SMALL: dict[str, Any] = {"contacts": 40, "companies": 5, "conversations": 30}
EVERYTHING = {"field": "created_at", "operator": ">", "value": 0}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(**SMALL) as sandbox:
        yield sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


@pytest.mark.parametrize("collection", ["contacts", "conversations"])
@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_a_walk_meets_each_record_once_in_order(
    api: Api, sandbox: Sandbox, collection: str, order: str
) -> None:
    records = getattr(sandbox.workspace, collection)
    pages = list(api.pages(collection, updated(">", 0), sort=order, per_page=7))
    key = "data" if collection == "contacts" else "conversations"
    found = [(record["updated_at"], record["id"]) for page in pages for record in page[key]]
    expected = sorted((record["updated_at"], id) for id, record in records.items())
    assert found == (expected if order == "ascending" else expected[::-1])
    assert [page["pages"]["page"] for page in pages] == list(range(1, len(pages) + 1))
    assert {page["total_count"] for page in pages} == {len(records)}
    assert pages[0]["pages"]["total_pages"] == len(pages)
    assert "next" not in pages[-1]["pages"]
    assert pages[0]["type"] == ("list" if collection == "contacts" else "conversation.list")


def test_a_cursor_names_the_last_record_in_milliseconds(api: Api) -> None:
    page = api.search("contacts", updated(">", 0), per_page=3).json()
    last = page["data"][-1]
    following = page["pages"]["next"]
    assert following["page"] == 2
    decoded = json.loads(base64.b64decode(following["starting_after"]))
    assert decoded == [last["updated_at"] * 1000, last["id"], 2]


def test_records_without_a_time_sort_as_minus_one(api: Api, sandbox: Sandbox) -> None:
    timeless = sorted(sandbox.workspace.contacts)[:3]
    for id in timeless:
        sandbox.workspace.update("contacts", id, touch=False, updated_at=None)
    everyone = {"field": "created_at", "operator": ">", "value": 0}
    assert api.ids("contacts", everyone, per_page=2)[:3] == timeless
    page = api.search("contacts", everyone, per_page=2).json()
    assert json.loads(base64.b64decode(page["pages"]["next"]["starting_after"]))[0] == -1
    assert not set(timeless) & set(api.ids("contacts", updated("<", 4_000_000_000)))


def test_a_cursor_in_the_url_is_ignored(api: Api) -> None:
    page = api.search("contacts", updated(">", 0), per_page=3).json()
    cursor = page["pages"]["next"]["starting_after"]
    body = {
        "query": updated(">", 0),
        "sort": {"field": "updated_at", "order": "ascending"},
        "pagination": {"per_page": 3},
    }
    again = api.post("/contacts/search", body, params={"starting_after": cursor})
    assert again.json() == page


@pytest.mark.parametrize("cursor", ["nonsense", "W10=", "WzEsMiwzXQ==", "bnVsbA=="])
def test_a_bad_cursor_is_a_client_error(api: Api, cursor: str) -> None:
    assert code(api.search("contacts", EVERYTHING, starting_after=cursor)) == (400, "client_error")
    assert code(api.get("/contacts", params={"starting_after": cursor})) == (400, "client_error")


def test_a_record_that_changes_while_pages_are_read_moves_to_their_end(
    api: Api, sandbox: Sandbox
) -> None:
    workspace = sandbox.workspace
    moved = min(workspace.contacts.values(), key=lambda record: record["updated_at"])["id"]
    walk = api.pages("contacts", updated(">", 0), per_page=10)
    first = next(walk)["data"]
    workspace.update("contacts", moved, at=workspace.clock.now(), name="Moved")
    seen = [*first, *(record for page in walk for record in page["data"])]
    assert [record["id"] for record in seen].count(moved) == 2
    assert seen[-1]["name"] == "Moved"


def test_without_a_sort_the_order_is_none_of_time(api: Api, sandbox: Sandbox) -> None:
    times = [sandbox.workspace.contacts[id]["updated_at"] for id in api.ids("contacts", EVERYTHING)]
    scattered = api.ids("contacts", EVERYTHING, sort=None, per_page=9)
    unsorted = [sandbox.workspace.contacts[id]["updated_at"] for id in scattered]
    assert sorted(unsorted) == times
    assert unsorted not in (times, times[::-1])


def test_a_sort_without_an_order_descends(api: Api) -> None:
    descending = api.ids("contacts", EVERYTHING, sort="descending")
    assert api.ids("contacts", EVERYTHING, sort={"field": "updated_at"}) == descending


def test_conversations_can_be_walked_by_id(api: Api, sandbox: Sandbox) -> None:
    query = {"field": "id", "operator": ">", "value": 0}
    ids = api.ids("conversations", query, sort={"field": "id", "order": "ascending"}, per_page=4)
    assert ids == sorted(sandbox.workspace.conversations, key=int)


@pytest.mark.parametrize("order", ["asc", "desc", "", None, 1])
def test_an_order_must_be_spelt_in_full(api: Api, order: object) -> None:
    response = api.search("contacts", EVERYTHING, sort={"field": "updated_at", "order": order})
    assert code(response) == (400, "invalid_sort_order")


def test_groups_combine_filters(api: Api, sandbox: Sandbox) -> None:
    contacts = sandbox.workspace.contacts
    middle = sorted(record["updated_at"] for record in contacts.values())[20]
    either = {
        "operator": "OR",
        "value": [
            {"field": "role", "operator": "=", "value": "lead"},
            {"field": "email", "operator": "$", "value": "example.com"},
        ],
    }
    query = {"operator": "AND", "value": [updated(">", middle), either]}
    found = set(api.ids("contacts", query, per_page=4))
    later = set(api.ids("contacts", updated(">", middle)))
    assert found == {
        id
        for id in later
        if contacts[id]["role"] == "lead" or str(contacts[id]["email"]).endswith("example.com")
    }
    assert len(found) > 0


@pytest.mark.parametrize(
    ("collection", "filter", "test"),
    [
        ("conversations", ("open", "=", True), lambda record: record["open"]),
        ("conversations", ("state", "!=", "open"), lambda record: record["state"] != "open"),
        ("conversations", ("state", "IN", ["closed"]), lambda record: record["state"] == "closed"),
        ("conversations", ("state", "NIN", ["closed"]), lambda r: r["state"] != "closed"),
        ("contacts", ("external_id", "=", None), lambda record: record["external_id"] is None),
    ],
)
def test_filters_compare_values(
    api: Api, sandbox: Sandbox, collection: str, filter: tuple[str, str, object], test: Any
) -> None:
    query = dict(zip(("field", "operator", "value"), filter, strict=True))
    expected = {id for id, r in getattr(sandbox.workspace, collection).items() if test(r)}
    assert set(api.ids(collection, query)) == expected


def nested(levels: int) -> object:
    return EVERYTHING if not levels else {"operator": "AND", "value": [nested(levels - 1)]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (None, "parameter_missing"),
        ([], "parameter_invalid"),
        ({"field": "no_such_field", "operator": "=", "value": 1}, "invalid_field"),
        ({"field": "role", "operator": "==", "value": "user"}, "parameter_invalid"),
        ({"field": "role", "operator": "=", "value": 7}, "type_mismatch"),
        ({"field": "role", "operator": "IN", "value": "user"}, "type_mismatch"),
        ({"field": "role", "operator": "=", "value": ["user"]}, "type_mismatch"),
        ({"field": "role", "operator": ">", "value": 1}, "type_mismatch"),
        ({"field": "has_hard_bounced", "operator": "~", "value": "t"}, "type_mismatch"),
        (updated(">", "yesterday"), "type_mismatch"),
        (updated(">", 1.5), "type_mismatch"),
        (updated(">", True), "type_mismatch"),
        ({"operator": "XOR", "value": [EVERYTHING]}, "parameter_invalid"),
        ({"operator": "AND", "value": []}, "parameter_invalid"),
        ({"operator": "AND", "value": [EVERYTHING] * 16}, "parameter_invalid"),
        (nested(3), "parameter_invalid"),
    ],
)
def test_queries_outside_the_grammar_are_refused(api: Api, query: object, expected: str) -> None:
    assert code(api.search("contacts", query)) == (400, expected)


def test_queries_at_the_limits_of_the_grammar_are_answered(api: Api) -> None:
    assert len(api.ids("contacts", nested(2))) == SMALL["contacts"]
    assert api.search("contacts", {"operator": "AND", "value": [EVERYTHING] * 15}).ok
    assert len(api.search("contacts", EVERYTHING, per_page=150).json()["data"]) == SMALL["contacts"]


@pytest.mark.parametrize("per_page", [151, 0, -1, "many", 1.5])
def test_page_sizes_are_checked(api: Api, per_page: object) -> None:
    response = api.search("contacts", EVERYTHING, per_page=per_page)
    assert code(response) == (400, "parameter_invalid")


def test_a_new_contact_is_unknown_to_the_search_for_a_while(api: Api, sandbox: Sandbox) -> None:
    sandbox.search_lag = 120
    id = sandbox.workspace.create("contacts")["id"]
    assert id not in api.ids("contacts", updated(">", 0))
    assert api.search("contacts", updated(">", 0)).json()["total_count"] == SMALL["contacts"]
    assert api.get(f"/contacts/{id}").ok
    sandbox.workspace.clock.advance(121)
    assert api.ids("contacts", updated(">", 0))[-1] == id


def test_deleted_and_merged_contacts_leave_the_search_at_once(api: Api, sandbox: Sandbox) -> None:
    deleted, source, target = list(sandbox.workspace.contacts)[:3]
    assert {deleted, source} < set(api.ids("contacts", updated(">", 0)))
    sandbox.workspace.delete("contacts", deleted)
    sandbox.workspace.merge_contacts(source, target)
    found = set(api.ids("contacts", updated(">", 0)))
    assert not {deleted, source} & found
    assert target in found
