"""The sandbox answers each call in the form that Intercom gives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.sandbox_api import Api, code, updated

SMALL: dict[str, Any] = {"contacts": 20, "companies": 25, "conversations": 20}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(**SMALL) as sandbox:
        yield sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


def test_short_lists_come_whole_under_their_keys(api: Api, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace
    for path, kind, key, records in [
        ("/admins?display_avatar=true", "admin.list", "admins", workspace.admins),
        ("/teams", "team.list", "teams", workspace.teams),
        ("/tags", "list", "data", workspace.tags),
        ("/subscription_types", "list", "data", workspace.plain["subscription_types"]),
    ]:
        assert api.get(path).json() == {"type": kind, key: list(records.values())}
    assert api.get("/me").json() == workspace.me
    admin = next(iter(workspace.admins))
    assert api.get(f"/admins/{admin}").json() == workspace.admins[admin]
    assert code(api.get("/admins/1")) == (404, "admin_not_found")


def test_segments_are_of_people_unless_asked_for(api: Api, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace
    people = api.get("/segments").json()["segments"]
    companies = api.get("/segments", params={"type": "company"}).json()["segments"]
    assert [record["id"] for record in people] == list(workspace.segments)
    assert [record["id"] for record in companies] == list(workspace.company_segments)
    assert not any("count" in record for record in people)
    counted = api.get("/segments", params={"include_count": "true"}).json()["segments"]
    assert all(isinstance(record["count"], int) for record in counted)


def test_attributes_come_by_model_and_archived_ones_on_request(api: Api, sandbox: Sandbox) -> None:
    for model in ("contact", "company"):
        records = getattr(sandbox.workspace, f"{model}_attributes")
        params = {"model": model, "include_archived": "true"}
        assert api.get("/data_attributes", params=params).json()["data"] == records
        living = [record for record in records if not record["archived"]]
        assert api.get("/data_attributes", params={"model": model}).json()["data"] == living
    response = api.get("/data_attributes", params={"model": "conversation"})
    assert code(response) == (422, "parameter_invalid")


def test_sub_lists_of_a_contact(api: Api, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace
    contact = next(iter(workspace.contacts))
    company = next(iter(workspace.companies.values()))
    workspace.set_sublist(contact, "companies", [company] * 61)
    for kind in ("tags", "subscriptions", "segments"):
        assert api.get(f"/contacts/{contact}/{kind}").json()["type"] == "list"
    first = api.get(f"/contacts/{contact}/companies", params={"per_page": 60}).json()
    assert (len(first["data"]), first["total_count"], first["pages"]["total_pages"]) == (60, 61, 2)
    assert first["pages"]["next"].startswith(f"{sandbox.url}/contacts/{contact}/companies?")
    second = api.get(first["pages"]["next"]).json()
    assert (second["data"], second["pages"]["next"]) == ([company], None)
    too_many = api.get(f"/contacts/{contact}/notes", params={"per_page": 61})
    assert code(too_many) == (400, "parameter_invalid")
    assert code(api.get("/contacts/nobody/tags")) == (404, "not_found")


def test_merged_contacts_are_gone_and_deleted_ones_never_were(sandbox: Sandbox) -> None:
    deleted, source, target = list(sandbox.workspace.contacts)[:3]
    sandbox.workspace.delete("contacts", deleted)
    sandbox.workspace.merge_contacts(source, target)
    with Api(sandbox) as api, Api(sandbox, "2.15") as older:
        assert api.get(f"/contacts/{target}").json()["id"] == target
        assert code(api.get(f"/contacts/{deleted}")) == (404, "not_found")
        merged = api.get(f"/contacts/{source}")
        assert code(merged) == (410, "contact_merged")
        assert merged.links["canonical"]["url"] == f"/contacts/{target}"
        assert code(older.get(f"/contacts/{source}")) == (404, "not_found")


def test_lists_with_a_cursor_in_the_url(api: Api, sandbox: Sandbox) -> None:
    for path, key in (("/contacts", "data"), ("/conversations", "conversations")):
        seen: list[str] = []
        cursor: dict[str, str] | None = {}
        while cursor is not None:
            page = api.get(path, params={"per_page": 7, **cursor}).json()
            seen += [record["id"] for record in page[key]]
            cursor = page["pages"].get("next")
        assert sorted(seen) == sorted(getattr(sandbox.workspace, path[1:]))


def test_only_the_newest_500_parts_are_given(api: Api, sandbox: Sandbox) -> None:
    id = next(iter(sandbox.workspace.conversations))
    sandbox.workspace.parts[id].clear()
    for number in range(503):
        sandbox.workspace.put_part(id, {"id": str(number), "body": "<p>a &amp; b</p>"})
    listed = api.get(f"/conversations/{id}").json()["conversation_parts"]
    assert listed["total_count"] == 503
    assert [part["id"] for part in listed["conversation_parts"]] == [
        str(number) for number in range(3, 503)
    ]
    plain = api.get(f"/conversations/{id}", params={"display_as": "plaintext"}).json()
    assert plain["conversation_parts"]["conversation_parts"][0]["body"] == "a & b"
    found = api.search("conversations", updated(">", 0)).json()["conversations"]
    assert not any("conversation_parts" in record for record in found)


def test_a_conversation_that_is_gone_is_404_as_json_or_html(sandbox: Sandbox, api: Api) -> None:
    deleted, hidden = list(sandbox.workspace.conversations)[:2]
    sandbox.workspace.delete("conversations", deleted)
    sandbox.workspace.hide(hidden)
    assert hidden in api.ids("conversations", updated(">", 0))
    assert deleted not in api.ids("conversations", updated(">", 0))
    sandbox.html_not_found = True
    answers = [api.get(f"/conversations/{id}") for id in (deleted, hidden)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert code(answers[0]) == (404, "not_found")
    assert answers[1].text.startswith("<html>")
    gone = api.get("/conversations/deleted", params={"per_page": 60}).json()["conversations"]
    assert {deleted, hidden} <= {record["id"] for record in gone}
    with Api(sandbox, "2.15") as older:
        assert code(older.get("/conversations/deleted")) == (400, "intercom_version_invalid")


def test_unknown_paths_and_wrong_methods_are_not_found(api: Api) -> None:
    for response in (api.get("/nothing"), api.get("/contacts/search/x"), api.post("/tags", {})):
        assert code(response) == (404, "not_found")
