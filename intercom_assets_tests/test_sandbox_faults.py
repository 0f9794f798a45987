"""The sandbox's companies, paged and scrolled, and the faults it can have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from intercom_assets.sandbox import Fault, Sandbox
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


def scroll(api: Api, param: str | None = None) -> requests.Response:
    return api.get("/companies/scroll", params={"scroll_param": param} if param else {})


def test_a_scroll_ends_with_an_empty_page_and_is_dead_then(api: Api, sandbox: Sandbox) -> None:
    sandbox.scroll_page_size = 10
    page = scroll(api).json()
    param, seen, sizes = page["scroll_param"], [], []
    assert (page["type"], page["pages"], page["total_count"]) == ("list", None, None)
    while page["data"]:
        seen += [record["id"] for record in page["data"]]
        sizes.append(len(page["data"]))
        page = scroll(api, param).json()
    assert sorted(seen) == sorted(sandbox.workspace.companies)
    assert sizes == [10, 10, 5]
    assert code(scroll(api, param)) == (404, "not_found")
    assert scroll(api).ok


def test_one_scroll_is_open_at_a_time_until_it_idles_too_long(api: Api, sandbox: Sandbox) -> None:
    clock = sandbox.workspace.clock
    sandbox.scroll_page_size = 10
    param = scroll(api).json()["scroll_param"]
    assert code(scroll(api)) == (400, "scroll_exists")
    clock.advance(50)
    assert scroll(api, param).ok
    clock.advance(50)
    assert len(scroll(api, param).json()["data"]) == 5, "each use prolongs its life"
    clock.advance(61)
    expired = scroll(api, param)
    assert code(expired) == (404, "not_found")
    assert expired.json()["errors"][0]["message"] == "scroll parameter not found"
    assert scroll(api).ok


def test_a_scroll_outlives_the_companies_deleted_under_it(api: Api, sandbox: Sandbox) -> None:
    sandbox.scroll_page_size = 5
    page = scroll(api).json()
    first = {record["id"] for record in page["data"]}
    rest = [id for id in sandbox.workspace.companies if id not in first]
    for id in rest[:-1]:
        sandbox.workspace.delete("companies", id)
    page = scroll(api, page["scroll_param"]).json()
    assert [record["id"] for record in page["data"]] == rest[-1:]
    assert scroll(api, page["scroll_param"]).json()["data"] == []


def test_companies_are_listed_by_page_number_up_to_a_cap(api: Api, sandbox: Sandbox) -> None:
    page = api.post("/companies/list", params={"per_page": 10, "page": 1}).json()
    with_users = {c["id"] for c in sandbox.workspace.companies.values() if c["user_count"]}
    assert page["total_count"] == len(with_users)
    assert page["pages"]["next"] == f"{sandbox.url}/companies/list?per_page=10&page=2"
    assert len(api.post("/companies/list").json()["data"]) == 15
    too_big = api.post("/companies/list", params={"per_page": 61})
    assert code(too_big) == (400, "parameter_invalid")
    assert too_big.json()["errors"][0]["message"] == "Per Page is too big"
    assert code(api.post("/companies/list", params={"page": 0})) == (400, "parameter_invalid")
    sandbox.companies_cap = 10
    assert code(api.post("/companies/list", params={"per_page": 10, "page": 2})) == (
        400,
        "bad_request",
    )


def test_notes_of_a_company_come_in_pages(api: Api, sandbox: Sandbox) -> None:
    company = next(iter(sandbox.workspace.companies))
    notes = [{"type": "note", "id": str(number)} for number in range(51)]
    sandbox.workspace.set_sublist(company, "notes", notes)
    first = api.get(f"/companies/{company}/notes").json()
    assert first["data"] == notes[:50]
    assert api.get(first["pages"]["next"]).json()["data"] == notes[50:]
    assert api.get(f"/companies/{company}").json()["id"] == company
    assert code(api.get("/companies/none/notes")) == (404, "company_not_found")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_comes_with_json_html_or_nothing(api: Api, sandbox: Sandbox, status: int) -> None:
    for body, start in (("json", "{"), ("html", "<html>"), ("empty", "")):
        sandbox.faults = [Fault("status", "/tags", status=status, body=body)]  # type: ignore[arg-type]
        answer = api.get("/tags")
        assert answer.status_code == status
        assert answer.text[: len(start) or None] == start
        assert api.get("/teams").ok


def test_bodies_can_be_empty_or_cut(api: Api, sandbox: Sandbox) -> None:
    whole = api.get("/tags").content
    sandbox.faults = [Fault("empty_200", "/tags", times=1), Fault("cut_json", "/tags")]
    assert (api.get("/tags").content, api.get("/tags").content) == (b"", whole[: len(whole) // 2])
    sandbox.faults = [Fault("cut_connection", "/tags")]
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.get("/tags")
    sandbox.faults.clear()
    assert api.get("/tags").ok


def test_a_connection_can_be_reset(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = [Fault("reset", times=1)]
    with pytest.raises(requests.ConnectionError, match=r"[Rr]eset"):
        api.get("/tags")
    assert api.get("/tags").ok
    assert [request.status for request in sandbox.requests] == [0, 200]


def test_a_stalled_request_ends_with_the_client_or_the_sandbox(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("stall")]
    with pytest.raises(requests.ReadTimeout):
        api.session.get(f"{sandbox.url}/tags", timeout=0.2)
    sandbox.faults = [Fault("stall", seconds=0.05)]
    with pytest.raises(requests.ConnectionError):
        api.get("/tags")


def test_a_delay_answers_late(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = [Fault("delay", seconds=0.2)]
    answer = api.get("/tags")
    assert answer.ok
    assert answer.elapsed.total_seconds() >= 0.2


def test_a_next_page_can_lead_elsewhere_or_nowhere(api: Api, sandbox: Sandbox) -> None:
    elsewhere = "https://example.com/stolen"
    sandbox.faults = [Fault("next_url", "/companies/list", url=elsewhere)]
    assert api.post("/companies/list").json()["pages"]["next"] == elsewhere
    sandbox.faults = [Fault("next_url", "/(companies/list|contacts/search)$")]
    page = api.post("/companies/list").json()
    assert page["pages"]["next"] == f"{sandbox.url}/companies/list"
    first = api.search("contacts", updated(">", 0), per_page=5).json()["pages"]["next"]
    cursor = first["starting_after"]
    again = api.search("contacts", updated(">", 0), per_page=5, starting_after=cursor).json()
    assert again["pages"]["next"]["starting_after"] == cursor


def test_a_redirect_leads_to_a_location(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults = [Fault("redirect", "/tags", url="https://example.com/", status=307)]
    answer = api.get("/tags", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, "https://example.com/")


def test_a_fault_strikes_where_and_when_it_should(api: Api, sandbox: Sandbox) -> None:
    fault = Fault("status", r"^/t(ags|eams)\?a=\d", method="GET", after=1, times=2)
    sandbox.faults = [fault]
    statuses = [api.get("/tags", params={"a": 1}).status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]
    assert api.get("/tags").ok
    assert (fault.seen, fault.fired) == (4, 2)
    sandbox.faults = [Fault("status", method="POST")]
    assert api.get("/tags").ok


def test_chance_is_the_same_for_the_same_seed(api: Api, sandbox: Sandbox) -> None:
    runs = []
    for _ in range(2):
        sandbox.faults = [Fault("status", probability=0.5, seed=3)]
        runs.append([api.get("/tags").status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="quake"):
        Fault("quake")  # type: ignore[arg-type]
