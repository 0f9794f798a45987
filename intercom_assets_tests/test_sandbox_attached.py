"""What hangs on contacts, companies and conversations, each with a call of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.sandbox_api import Api, code, updated

EVERYTHING = updated(">", 0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=120, companies=20, conversations=120) as sandbox:
        yield sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


def numbered(api: Api, path: str, key: str = "data", **params: Any) -> list[dict[str, Any]]:
    """All pages of a list whose successor is a URL."""
    body = api.get(path, params=params).json()
    found = list(body[key])
    while body["pages"]["next"]:
        body = api.get(body["pages"]["next"]).json()
        found += body[key]
    return found


def test_admins_show_what_they_look_like_only_when_asked(api: Api, sandbox: Sandbox) -> None:
    assert not any("avatar" in admin for admin in api.get("/admins").json()["admins"])
    shown = api.get("/admins?display_avatar=true").json()["admins"]
    assert shown == list(sandbox.workspace.admins.values())


@pytest.mark.parametrize("route", ["search", "list", "one", "by external id"])
def test_users_show_their_merge_history_when_asked(api: Api, sandbox: Sandbox, route: str) -> None:
    workspace = sandbox.workspace
    id = next(id for id in workspace.contacts if workspace.attached(id, "merge_history"))
    external = workspace.contacts[id]["external_id"]

    def read(flag: str) -> dict[str, Any]:
        if route == "search":
            body = {"query": {"field": "id", "operator": "=", "value": id}}
            answer = api.post(f"/contacts/search{flag}", body).json()["data"]
            return dict(answer[0])
        if route == "list":
            page = api.get(f"/contacts{flag}", params={"per_page": 150}).json()["data"]
            return dict(next(contact for contact in page if contact["id"] == id))
        path = {"one": f"/contacts/{id}"}.get(route, f"/contacts/find_by_external_id/{external}")
        return dict(api.get(path + flag).json())

    shown = read("?include_merge_history=true")

    assert shown.pop("merge_history") == workspace.attached(id, "merge_history")
    assert shown == read("") == workspace.contacts[id]


def test_leads_have_no_merge_history(api: Api, sandbox: Sandbox) -> None:
    lead = next(c["id"] for c in sandbox.workspace.contacts.values() if c["role"] == "lead")
    assert "merge_history" not in api.get(f"/contacts/{lead}?include_merge_history=true").json()
    assert code(api.get(f"/contacts/{lead}/merge_history")) == (404, "not_found")


def test_conversations_show_how_they_were_judged_when_asked(api: Api, sandbox: Sandbox) -> None:
    flags = "?include_monitors=true&include_scorecards=true"
    body = {"query": EVERYTHING, "pagination": {"per_page": 150}}
    plain = api.post("/conversations/search", body).json()["conversations"]
    shown = api.post(f"/conversations/search{flags}", body).json()["conversations"]

    for without, record in zip(plain, shown, strict=True):
        for kind in ("monitor_evaluations", "scorecards"):
            assert kind not in without
            assert record[kind] == sandbox.workspace.attached(record["id"], kind)
    assert any(record["scorecards"] for record in shown)
    assert any(record["monitor_evaluations"] for record in shown)


def test_parts_show_translations_when_asked(api: Api, sandbox: Sandbox) -> None:
    translated = next(
        id
        for id, parts in sandbox.workspace.parts.items()
        if any("translations" in part for part in parts[-500:])
    )
    for flag, wanted in (("", False), ("?include_translations=true", True)):
        body = api.get(f"/conversations/{translated}{flag}").json()
        parts = body["conversation_parts"]["conversation_parts"]
        assert any("translations" in part for part in parts) == wanted


def test_a_merge_is_remembered_with_those_before_it() -> None:
    with Sandbox(contacts=60, conversations=5) as sandbox, Api(sandbox) as api:
        workspace = sandbox.workspace
        users = [c["id"] for c in workspace.contacts.values() if c["role"] == "user"]
        source = next(id for id in users if workspace.attached(id, "merge_history"))
        target = next(id for id in users if not workspace.attached(id, "merge_history"))
        external = workspace.contacts[source]["external_id"]
        earlier = workspace.attached(source, "merge_history")

        workspace.merge_contacts(source, target)

        history = api.get(f"/contacts/{target}/merge_history?order=asc").json()
        assert history["data"][:-1] == earlier
        last = history["data"][-1]
        assert (last["source_contact_id"], last["source_contact_role"]) == (source, "user")
        assert history["has_more"] is False
        for path in (source, earlier[0]["source_contact_id"], f"find_by_external_id/{external}"):
            gone = api.get(f"/contacts/{path}")
            assert code(gone) == (410, "contact_merged")
            assert gone.headers["Link"] == f'</contacts/{target}>; rel="canonical"'


def test_a_merge_history_goes_on_from_a_cursor(api: Api, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace
    id = next(id for id in workspace.contacts if len(workspace.attached(id, "merge_history")) > 1)
    path, found, cursor = f"/contacts/{id}/merge_history", [], {}
    while True:
        page = api.get(path, params={"per_page": 1, **cursor}).json()
        found += page["data"]
        assert page["has_more"] == ("next_cursor" in page)
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == workspace.attached(id, "merge_history")[::-1]
    assert code(api.get(f"{path}?cursor=NQ==")) == (400, "client_error")


def test_events_go_back_in_time_page_by_page(api: Api, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace
    contacts = workspace.contacts
    id = max(contacts, key=lambda id: len(young(sandbox, id)))
    wanted = young(sandbox, id)

    body = api.get(f"/events?type=user&intercom_user_id={id}&per_page=7").json()
    newest_since, found = body["pages"]["since"], list(body["events"])
    while "next" in body["pages"]:
        body = api.get(body["pages"]["next"]).json()
        found += body["events"]

    assert found == wanted[::-1]
    assert len(found) > 7
    assert api.get(newest_since).json()["events"] == []
    at = workspace.clock.now()
    workspace.attach(id, "events", {**wanted[-1], "created_at": at})
    assert [e["created_at"] for e in api.get(newest_since).json()["events"]] == [at]


def young(sandbox: Sandbox, id: str) -> list[dict[str, Any]]:
    """The events that Intercom still lists."""
    oldest = sandbox.workspace.clock.now() - 90 * 86_400
    return [e for e in sandbox.workspace.attached(id, "events") if e["created_at"] > oldest]


def test_events_too_old_to_be_listed_are_counted(api: Api, sandbox: Sandbox) -> None:
    held = {id: sandbox.workspace.attached(id, "events") for id in sandbox.workspace.contacts}
    id = next(id for id in held if len(young(sandbox, id)) < len(held[id]))

    summary = api.get(f"/events?type=user&summary=true&intercom_user_id={id}").json()

    assert summary["type"] == "event.summary"
    assert sum(one["count"] for one in summary["events"]) == len(held[id])
    external = sandbox.workspace.contacts[id]["external_id"]
    if external:
        by_user = api.get(f"/events?type=user&summary=true&user_id={external}").json()
        assert by_user == summary


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (400, "parameter_invalid")),
        ("?type=user", (400, "parameter_missing")),
        ("?type=user&intercom_user_id=nobody", (404, "not_found")),
        ("?type=user&email=nobody", (404, "not_found")),
    ],
)
def test_events_are_of_somebody(api: Api, query: str, expected: tuple[int, str]) -> None:
    assert code(api.get(f"/events{query}")) == expected


def test_a_conversation_tells_when_it_was_paused(api: Api, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace
    id = next(id for id in workspace.conversations if workspace.attached(id, "handling_events"))

    body = api.get(f"/conversations/{id}/handling_events").json()

    assert body == {"handling_events": workspace.attached(id, "handling_events")}
    assert {type(event["teammate"]["id"]) for event in body["handling_events"]} == {int}
    missing = api.get("/conversations/1/handling_events")
    assert code(missing) == (404, "conversation_not_found")


def test_side_conversations_come_in_pages_without_a_link(api: Api, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace
    id = max(
        workspace.conversations, key=lambda id: len(workspace.attached(id, "side_conversations"))
    )
    path = f"/conversations/{id}/side_conversations"

    first = api.get(path).json()
    second = api.get(f"{path}?page=2").json()

    assert first["pages"] == {"type": "pages", "page": 1, "per_page": 25, "total_pages": 2}
    found = first["side_conversations"] + second["side_conversations"]
    assert found == workspace.attached(id, "side_conversations")


def test_companies_are_looked_up_and_filtered(api: Api, sandbox: Sandbox) -> None:
    companies = sandbox.workspace.companies
    company = next(c for c in companies.values() if c["tags"]["tags"] and c["segments"]["segments"])
    tag, segment = company["tags"]["tags"][0]["id"], company["segments"]["segments"][0]["id"]

    def has(name: str, id: str) -> list[str]:
        found = [c for c in companies.values() if id in [one["id"] for one in c[name][name]]]
        return sorted(c["id"] for c in found)

    def found(**query: str) -> list[str]:
        return sorted(one["id"] for one in numbered(api, "/companies", per_page=4, **query))

    assert found() == sorted(companies)
    assert found(tag_id=tag) == has("tags", tag)
    assert found(segment_id=segment) == has("segments", segment)
    assert found(company_id=company["company_id"]) == [company["id"]]
    assert found(name=company["name"]) == [company["id"]]
    assert code(api.get("/companies?company_id=none")) == (404, "company_not_found")


def test_a_company_has_contacts_and_segments(api: Api, sandbox: Sandbox) -> None:
    company = max(sandbox.workspace.companies.values(), key=lambda c: int(c["user_count"]))
    path = f"/companies/{company['id']}"

    people = numbered(api, f"{path}/contacts", per_page=2)

    assert len(people) == company["user_count"] > 2
    for person in people:
        companies = numbered(api, f"/contacts/{person['id']}/companies")
        assert company["id"] in [one["id"] for one in companies]
    segments = api.get(f"{path}/segments").json()
    assert segments == {"type": "list", "data": company["segments"]["segments"]}
    assert code(api.get("/companies/none/contacts")) == (404, "company_not_found")


def test_calls_are_listed_found_and_transcribed(api: Api, sandbox: Sandbox) -> None:
    calls = sandbox.workspace.calls

    listed = numbered(api, "/calls", per_page=5)

    assert sorted(call["id"] for call in listed) == sorted(calls)
    assert code(api.get("/calls?per_page=26")) == (400, "parameter_invalid")
    answered = next(call for call in listed if call["transcription_url"])
    missed = next(call for call in listed if not call["transcription_url"])
    assert api.get(f"/calls/{answered['id']}").json() == answered
    text = api.get(f"/calls/{answered['id']}/transcript")
    assert text.headers["Content-Type"].startswith("text/plain")
    assert "[00:00:03] Teammate 1" in text.text
    assert code(api.get(f"/calls/{missed['id']}/transcript")) == (404, "not_found")
    recording = api.get(f"/calls/{answered['id']}/recording", allow_redirects=False)
    assert recording.status_code == 302
    assert code(api.get(f"/calls/{missed['id']}/recording")) == (404, "not_found")


def test_calls_of_conversations_come_with_transcripts(api: Api, sandbox: Sandbox) -> None:
    calls = [c for c in sandbox.workspace.calls.values() if c["conversation_id"]]
    ids = list({call["conversation_id"]: None for call in calls})[:20]

    found = api.post("/calls/search", {"conversation_ids": ids}).json()["data"]

    wanted = [call["id"] for call in calls if call["conversation_id"] in ids]
    assert [call["id"] for call in found] == wanted
    assert all(bool(call["transcript"]) == bool(call["transcript_status"]) for call in found)
    for bad in (None, {}, [], {"conversation_ids": []}, {"conversation_ids": ["1"] * 21}):
        refused = api.post("/calls/search", bad)
        assert code(refused) == (400, "conversation_id_limit_exceeded")


def test_a_visitor_is_asked_for_by_user_id(api: Api, sandbox: Sandbox) -> None:
    lead = next(c["id"] for c in sandbox.workspace.contacts.values() if c["role"] == "lead")
    visitor = api.get(f"/visitors?user_id={lead}").json()
    assert (visitor["type"], visitor["user_id"]) == ("visitor", lead)
    assert code(api.get("/visitors?user_id=nobody")) == (404, "not_found")
    assert code(api.get("/visitors")) == (400, "parameter_missing")


def test_one_tag_and_one_segment(api: Api, sandbox: Sandbox) -> None:
    tag = next(iter(sandbox.workspace.tags.values()))
    segment = next(iter(sandbox.workspace.company_segments))
    assert api.get(f"/tags/{tag['id']}").json() == tag
    assert api.get(f"/segments/{segment}").json()["id"] == segment
    assert code(api.get("/tags/none")) == (404, "tag_not_found")
    assert code(api.get("/segments/none")) == (404, "not_found")
