"""Lists that a record shows the first ten of: completed in every form, and never called whole."""

from __future__ import annotations

from typing import Any

import pytest

from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams import STREAMS, BaseStream
from intercom_assets_tests.conftest import Project, client_of

Owner = tuple[str, str, str]  # collection, id, kind of list


def notes(count: int) -> list[dict[str, Any]]:
    return [{"type": "note", "id": str(n), "body": f"<p>{n}</p>"} for n in range(count)]


@pytest.fixture(params=["contacts", "companies"])
def owner(request: pytest.FixtureRequest, sandbox: Sandbox) -> Owner:
    """A record with 75 notes."""
    collection = request.param
    id = next(iter(getattr(sandbox.workspace, collection)))
    sandbox.workspace.set_sublist(id, "notes", notes(75))
    return collection, id, "notes"


def read(sandbox: Sandbox, owner: Owner) -> tuple[BaseStream, Any]:
    """The stream after a read, and the owner's list as it is to be stored."""
    collection, id, kind = owner
    stream = STREAMS[collection](client_of(sandbox, retry_wait=0.0))
    record = next(record for record in stream.get_records() if record["id"] == id)
    return stream, record[kind]


def ids(items: list[dict[str, Any]]) -> list[int]:
    return [int(item["id"]) for item in items]


@pytest.mark.parametrize(
    "following",
    [{"page": 2, "starting_after": "WzE="}, {"page": 2}, 2, "2", "?page=2&per_page=60"],
)
def test_the_rest_is_found_in_whatever_form_it_is_named(
    sandbox: Sandbox, owner: Owner, following: Any
) -> None:
    fields = {"pages": {"next": following}}
    sandbox.faults.append(Fault("answer", match=r"/notes\?per_page=60$", body=fields))
    stream, found = read(sandbox, owner)
    assert ids(found) == list(range(75))
    assert stream.counts["lists cut short"] == 0


def test_the_rest_is_found_by_page_numbers_where_no_successor_is_named(
    sandbox: Sandbox, owner: Owner
) -> None:
    sandbox.faults.append(Fault("answer", match="/notes", body={"pages": {"next": None}}))
    assert ids(read(sandbox, owner)[1]) == list(range(75))


@pytest.mark.parametrize("key", ["data", "notes"])
def test_company_notes_are_completed_under_either_name(sandbox: Sandbox, key: str) -> None:
    id = next(iter(sandbox.workspace.companies))
    stubs = [{"type": "note", "id": str(n), "url": f"/notes/{n}"} for n in range(10)]
    listing = {"type": "note.list", key: stubs, "total_count": 75}
    sandbox.workspace.set_sublist(id, "notes", notes(75))
    sandbox.workspace.record("companies", id)["notes"] = listing
    found = read(sandbox, ("companies", id, "notes"))[1]
    assert ids(found) == list(range(75))


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({"data": notes(60), "pages": None, "total_count": 60}, 60),
        ({"data": notes(60), "pages": None, "total_count": None}, 60),
        ({"data": [*notes(74), None], "pages": None, "total_count": None}, 74),
        ({"data": notes(4), "pages": None, "total_count": 4}, 10),  # less never replaces more
        ({"data": [], "pages": None, "total_count": 0}, 10),
        ({"data": None, "pages": None, "total_count": None}, 10),
    ],
)
def test_what_is_fewer_than_told_is_kept_as_cut_counted_and_named(
    sandbox: Sandbox,
    owner: Owner,
    fields: dict[str, Any],
    given: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sandbox.faults.append(Fault("answer", match=f"{owner[1]}/notes", body=fields))
    stream, found = read(sandbox, owner)
    assert (found["has_more"], found["total_count"]) == (True, 75)
    assert ids(found["data"]) == list(range(given))
    assert stream.counts["lists cut short"] == 1
    assert f"notes of {owner[1]} are 75, of which Intercom gives {given}" in caplog.text


@pytest.mark.long
def test_a_list_cut_short_comes_right_when_its_record_changes(
    sandbox: Sandbox, project: Project
) -> None:
    id = next(iter(sandbox.workspace.contacts))
    sandbox.workspace.set_sublist(id, "notes", notes(75))
    short = {"data": notes(60), "pages": None}
    sandbox.faults.append(Fault("answer", match=f"{id}/notes", body=short))
    project.settings["retry_wait"] = 0.0
    project.run("contacts")
    assert project.metadata("contacts")["intercom/lists_cut_short"] == 1
    query = "select json_extract(notes, '$.has_more') from intercom.contacts where id = ?"
    assert project.query(query, id) == [("true",)]
    sandbox.faults.clear()
    sandbox.workspace.update("contacts", id, name="another")
    project.run("contacts")
    assert project.metadata("contacts")["intercom/lists_cut_short"] == 0
    assert project.differences("contacts") == {}


def test_items_have_one_shape_whether_their_list_was_completed_or_not(sandbox: Sandbox) -> None:
    cut, whole = list(sandbox.workspace.contacts)[:2]
    tags = [{"type": "tag", "id": str(n), "name": f"tag {n}"} for n in range(12)]
    sandbox.workspace.set_sublist(cut, "tags", tags)
    sandbox.workspace.set_sublist(whole, "tags", tags[:3])
    client = client_of(sandbox)
    found = {record["id"]: record["tags"] for record in STREAMS["contacts"](client).get_records()}
    for item in [*found[cut], *found[whole]]:
        assert list(item)[:3] == ["id", "type", "url"]
        assert (item["type"], item["url"]) == ("tag", f"/tags/{item['id']}")
    assert [item["name"] for item in found[cut]] == [tag["name"] for tag in tags]
