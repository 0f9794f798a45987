"""The sandbox's tickets: search, parts and their history, types and states, links."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.sandbox_api import Api, code, updated

EVERYTHING = updated(">", 0)
# The documentation of the search has other names for the categories.
SEARCHED_AS = {"Customer": "request", "Back-office": "task", "Tracker": "tracker"}


@pytest.fixture(scope="module")
def desk() -> Iterator[Sandbox]:
    with Sandbox(contacts=30, companies=5, conversations=60, tickets=45) as sandbox:
        yield sandbox


@pytest.fixture
def api(desk: Sandbox) -> Iterator[Api]:
    with Api(desk) as api:
        yield api


def tickets(api: Api, query: object = EVERYTHING, **options: Any) -> list[dict[str, Any]]:
    return [t for page in api.pages("tickets", query, **options) for t in page["tickets"]]


def test_a_search_walks_all_tickets_once_in_the_order_of_their_change(
    api: Api, desk: Sandbox
) -> None:
    found = tickets(api, per_page=7)

    times = [ticket["updated_at"] for ticket in found]
    assert times == sorted(times)
    assert sorted(t["id"] for t in found) == sorted(desk.workspace.tickets)


def test_tickets_have_their_newest_parts_in_searches_and_alone(api: Api, desk: Sandbox) -> None:
    found = {ticket["id"]: ticket for ticket in tickets(api)}

    held = desk.workspace.ticket_parts
    for id, ticket in found.items():
        assert ticket["ticket_parts"]["ticket_parts"] == held[id][-500:]
        assert ticket["ticket_parts"]["total_count"] == len(held[id])
    longest = max(held, key=lambda id: len(held[id]))
    assert len(held[longest]) > 500
    assert api.get(f"/tickets/{longest}").json() == found[longest]


def test_the_parts_tell_the_history_that_led_to_the_state_of_the_ticket(
    api: Api,
) -> None:
    moved = 0
    for ticket in tickets(api):
        parts = ticket["ticket_parts"]["ticket_parts"]
        changes = [(p["previous_ticket_state"], p["ticket_state"]) for p in parts if is_move(p)]
        for (_, after), (before, _) in pairwise(changes):
            assert before == after
        if changes:
            assert changes[-1][1] == ticket["ticket_state"]["category"]
        if len(changes) > 1:
            moved += 1
            assert ticket["previous_ticket_state_id"] is not None
        assert ticket["open"] == (ticket["ticket_state"]["category"] != "resolved")
    assert moved > 10


def is_move(part: dict[str, Any]) -> bool:
    return bool(part["part_type"] == "ticket_state_updated_by_admin")


def test_types_states_and_attributes_fit_the_tickets(api: Api) -> None:
    types = {kind["id"]: kind for kind in api.get("/ticket_types").json()["data"]}
    states = {state["id"]: state for state in api.get("/ticket_states").json()["data"]}

    assert any(kind["archived"] for kind in types.values())
    assert any(state["archived"] for state in states.values())
    for ticket in tickets(api):
        kind = types[ticket["ticket_type"]["id"]]
        names = [one["name"] for one in kind["ticket_type_attributes"]["data"]]
        assert list(ticket["ticket_attributes"]) == names
        assert ticket["category"] == kind["category"]
        assert ticket["ticket_state"]["id"] in states
    assert api.get(f"/ticket_types/{next(iter(types))}").json() == next(iter(types.values()))


def test_trackers_and_conversations_name_each_other(api: Api, desk: Sandbox) -> None:
    linked = 0
    for ticket in tickets(api):
        for reference in ticket["linked_objects"]["data"]:
            conversation = desk.workspace.conversations[reference["id"]]
            back = {"type": "ticket", "id": ticket["id"], "category": "Tracker"}
            assert back in conversation["linked_objects"]["data"]
            linked += 1
    assert linked > 3


def test_a_conversation_that_became_a_ticket_shows_it(api: Api, desk: Sandbox) -> None:
    shown = [c["ticket"] for c in desk.workspace.conversations.values() if c["ticket"]]

    assert shown
    for picture in shown:
        ticket = api.get(f"/tickets/{picture['id']}").json()
        assert ticket["ticket_id"] == picture["ticket_id"]
        assert ticket["contacts"] == picture["contacts"]


@pytest.mark.parametrize("field", ["title", "category", "ticket_type_id", "state", "contact_ids"])
def test_tickets_are_searched_by_their_own_fields(api: Api, field: str) -> None:
    value = {
        "title": lambda t: [t["ticket_attributes"]["_default_title_"]],
        "category": lambda t: [SEARCHED_AS[t["category"]]],
        "ticket_type_id": lambda t: [t["ticket_type"]["id"]],
        "state": lambda t: [t["ticket_state"]["category"]],
        "contact_ids": lambda t: [c["id"] for c in t["contacts"]["contacts"]],
    }[field]
    everyone = tickets(api)
    wanted = next(value(t)[0] for t in everyone if value(t))

    found = api.ids("tickets", {"field": field, "operator": "=", "value": wanted})

    fits = [t["id"] for t in everyone if wanted in value(t)]
    assert sorted(found) == sorted(fits)
    assert 0 < len(fits) < len(everyone)


def test_an_attribute_of_tickets_is_searched_by_its_id(api: Api) -> None:
    everyone = tickets(api)
    kind = next(t for t in everyone if t["category"] == "Tracker")["ticket_type"]
    ident = next(a["id"] for a in kind["ticket_type_attributes"]["data"] if a["name"] == "severity")
    query = {"field": f"ticket_attribute.{ident}", "operator": "=", "value": "Hoch ❗"}

    found = api.ids("tickets", query)

    assert sorted(found) == sorted(t["id"] for t in everyone if t["ticket_type"] == kind)


def test_older_versions_know_less_of_tickets(desk: Sandbox) -> None:
    with Api(desk, "2.11") as api:
        assert "ticket_types" in api.get("/ticket_types").json()
        assert code(api.get("/ticket_states")) == (400, "intercom_version_invalid")
    with Api(desk, "2.9") as api:
        assert code(api.search("tickets", EVERYTHING)) == (400, "intercom_version_invalid")


def test_an_unknown_ticket_is_not_found(api: Api) -> None:
    assert code(api.get("/tickets/1")) == (404, "ticket_not_found")


def test_a_move_shows_in_the_ticket_and_its_parts() -> None:
    with Sandbox(contacts=5, conversations=0, tickets=5) as sandbox, Api(sandbox) as api:
        id = next(iter(sandbox.workspace.tickets))
        before = api.get(f"/tickets/{id}").json()
        state = sandbox.workspace.next_state(id)

        sandbox.workspace.move_ticket(id, state)

        after = api.get(f"/tickets/{id}").json()
        assert after["ticket_state"]["id"] == state
        assert after["previous_ticket_state_id"] == before["ticket_state"]["id"]
        assert after["updated_at"] > before["updated_at"]
        assert after["ticket_parts"]["total_count"] == before["ticket_parts"]["total_count"] + 1


def test_a_part_may_come_without_a_sign_in_updated_at() -> None:
    with Sandbox(contacts=5, conversations=0, tickets=5) as sandbox, Api(sandbox) as api:
        id = next(iter(sandbox.workspace.tickets))
        before = api.get(f"/tickets/{id}").json()

        part = sandbox.workspace.add_ticket_part(id, touch=False, body="<p>psst</p>")

        after = api.get(f"/tickets/{id}").json()
        assert after["updated_at"] == before["updated_at"]
        assert after["ticket_parts"]["ticket_parts"][-1] == part


def test_a_busy_minute_touches_tickets_and_tells_how_many() -> None:
    with Sandbox(contacts=20, conversations=20, tickets=20) as sandbox, Api(sandbox) as api:
        since = sandbox.workspace.clock.now() - 5
        told = sandbox.workspace.change(8)

        assert len(api.ids("tickets", updated(">", since))) == told["tickets"] > 1


def test_a_deleted_ticket_leaves_its_conversations() -> None:
    with Sandbox(contacts=20, conversations=60, tickets=40) as sandbox, Api(sandbox) as api:
        workspace = sandbox.workspace
        tracker = next(t for t in workspace.tickets.values() if t["linked_objects"]["data"])
        linked = tracker["linked_objects"]["data"][0]["id"]

        workspace.delete("tickets", tracker["id"])

        assert code(api.get(f"/tickets/{tracker['id']}")) == (404, "ticket_not_found")
        left = api.get(f"/conversations/{linked}").json()["linked_objects"]["data"]
        assert tracker["id"] not in [one["id"] for one in left]


def test_merged_contacts_hand_over_their_tickets() -> None:
    with Sandbox(contacts=10, conversations=0, tickets=20) as sandbox:
        workspace = sandbox.workspace
        ticket = next(t for t in workspace.tickets.values() if t["contacts"]["contacts"])
        source = ticket["contacts"]["contacts"][0]["id"]
        target = next(id for id in workspace.contacts if id != source)

        workspace.merge_contacts(source, target)

        assert [c["id"] for c in ticket["contacts"]["contacts"]] == [target]
