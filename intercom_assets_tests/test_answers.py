"""An answer is what it says (rule 14): errors with a good status, others' 404, lists cut short."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from intercom_assets.client import IntercomClient, pacing
from intercom_assets.client.addresses import address_of
from intercom_assets.client.errors import (
    IncompleteAnswer,
    IntercomError,
    MalformedResponse,
    PermissionDenied,
    RequestRefused,
    ServerError,
    UnusableAnswer,
    WrongAnswer,
)
from intercom_assets.client.retries import MAX_TRIES
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets_tests.conftest import SMALL, Project, client_of
from intercom_assets_tests.test_rules_guards import answering

LISTS = ("tags", "segments", "admin_list", "contacts", "conversations", "companies")


def error(code: str | None, message: str = "try later") -> dict[str, Any]:
    """Intercom's statement of an error."""
    return {
        "type": "error.list",
        "request_id": "r1",
        "errors": [{"code": code, "message": message}],
    }


def ids(client: IntercomClient, stream: str) -> list[str]:
    return [str(record["id"]) for record in STREAMS[stream](client).get_records()]


@pytest.mark.parametrize("stream", LISTS)
@pytest.mark.parametrize("body", [error("server_error"), error("rate_limit_exceeded"), error(None)])
def test_a_passing_error_with_a_good_status_is_asked_again(
    sandbox: Sandbox, stream: str, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "WINDOW_SECONDS", 0.02)
    sandbox.scroll_expiry = 0.25
    whole = ids(client_of(sandbox), stream)
    path = STREAMS[stream].path
    sandbox.faults.append(Fault("status", match=path, status=200, body=body, times=1))
    assert sorted(ids(client_of(sandbox), stream)) == sorted(whole)
    assert sandbox.faults[0].fired == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("api_plan_restricted", PermissionDenied),
        ("unauthorized", PermissionDenied),  # the token is good, as /me says
        ("parameter_invalid", RequestRefused),
        ("never_heard_of", RequestRefused),
        ("server_error", ServerError),
    ],
)
def test_an_error_with_a_good_status_is_told_by_its_code(
    sandbox: Sandbox, code: str, kind: type[IntercomError]
) -> None:
    sandbox.faults.append(Fault("status", match="/tags", status=200, body=error(code, "told so")))
    with pytest.raises(kind) as problem:
        ids(client_of(sandbox, retry_wait=0.0), "tags")
    assert (problem.value.code, problem.value.request_id) == (code, "r1")
    assert sandbox.count("/tags") == (MAX_TRIES if kind is ServerError else 1)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "list", "warnings": [{"id": "1"}]},
        {"type": "list"},
        {"type": "list", "data": None},
        {"type": "list", "data": {"id": "1"}},
    ],
)
def test_a_list_is_taken_by_a_name_that_means_it(body: dict[str, Any]) -> None:
    with answering({"/me": {}, "/tags": body}) as client, pytest.raises(MalformedResponse):
        ids(client, "tags")


@pytest.mark.parametrize("stream", ["contacts", "conversations"])
@pytest.mark.parametrize("fields", [{"pages": None}, {"pages": {"next": None}}])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_end_that_the_counts_deny_is_asked_again(
    sandbox: Sandbox, stream: str, fields: dict[str, Any], after: int
) -> None:
    whole = set(getattr(sandbox.workspace, stream))
    client = client_of(sandbox, page_size=5)
    sandbox.faults.append(
        Fault("answer", match=f"/{stream}/search", body=fields, after=after, times=1)
    )
    assert set(ids(client, stream)) == whole
    assert sandbox.faults[0].fired == 1


@pytest.mark.long
@pytest.mark.parametrize("stream", ["contacts", "conversations"])
@pytest.mark.parametrize("fields", [{"pages": None}, {"pages": {"next": None}}])
def test_nothing_is_claimed_of_a_search_that_stays_cut_short(
    sandbox: Sandbox, project: Project, stream: str, fields: dict[str, Any]
) -> None:
    project.settings.update(page_size=5, retry_wait=0.0)
    sandbox.faults.append(Fault("answer", match=f"/{stream}/search", body=fields, after=1))
    result = project.run(stream, raise_on_error=False)
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert "Intercom says there are" in str(failure.step_failure_data.user_failure_data.description)
    sandbox.faults.clear()
    project.run(stream)
    assert project.differences(stream) == {}


def test_a_search_that_ends_with_a_full_page_is_no_fault(sandbox: Sandbox) -> None:
    total = len(sandbox.workspace.conversations)
    client = client_of(sandbox, page_size=total)
    assert len(ids(client, "conversations")) == total
    assert sandbox.count("/conversations/search") == 1


def test_a_count_that_is_a_little_high_is_believed_when_it_stays_so(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Intercom counts what it does not show, or no longer has: no reason to fail for ever."""
    total = len(sandbox.workspace.conversations)
    sandbox.faults.append(
        Fault("answer", match="/conversations/search", body={"total_count": total + 2})
    )
    assert len(ids(client_of(sandbox), "conversations")) == total
    assert sandbox.count("/conversations/search") == 3
    assert f"of which Intercom says there are {total + 2}" in caplog.text


PAGES: dict[str, list[dict[str, Any]]] = {
    "page numbers": [{"pages": {"page": 1, "total_pages": 2}}, {"pages": {"page": 2}}],
    "page numbers as text": [
        {"pages": {"type": "pages", "page": "1", "total_pages": "2", "next": None}},
        {"pages": {"page": "2", "total_pages": "2", "next": None}},
    ],
    "at the top": [{"page": 1, "total_pages": 2, "total_count": 4}, {"page": 2, "total_pages": 2}],
    "a number": [{"pages": {"page": 1, "next": 2}}, {"pages": {"page": 2, "next": None}}],
    "an object": [{"pages": {"next": {"page": 2, "starting_after": "WzE="}}}, {"pages": {}}],
    "a page object": [{"pages": {"next": {"page": 2}}}, {"pages": {"next": None}}],
    "a bare cursor": [{"pages": {"next": "WzE="}}, {"pages": None}],
    "a cursor of its own": [{"next_cursor": "WzE=", "has_more": True}, {"has_more": False}],
    "a path": [{"pages": {"next": "/tags?page=2"}}, {"pages": {"next": None}}],
    "has_more": [{"page": 1, "has_more": True}, {"page": 2, "has_more": False}],
    "only a query": [{"pages": {"next": "?page=2"}}, {"pages": {}}],
}


@pytest.mark.parametrize("form", PAGES)
def test_every_form_of_there_is_more_is_followed(sandbox: Sandbox, form: str) -> None:
    first, second = PAGES[form]
    pages = [
        {"type": "list", "data": [{"id": "1"}, {"id": "2"}], **first},
        {"type": "list", "data": [{"id": "3"}, {"id": "4"}], **second},
    ]
    sandbox.faults.append(
        Fault("status", match=r"/tags\?.*(page=2|WzE)", status=200, body=pages[1])
    )
    sandbox.faults.append(Fault("status", match="/tags", status=200, body=pages[0]))
    assert ids(client_of(sandbox), "tags") == ["1", "2", "3", "4"]


@pytest.mark.parametrize("refused", [False, True])
def test_a_route_that_knows_page_numbers_only_is_asked_by_number(
    sandbox: Sandbox, refused: bool
) -> None:
    """Although it names a cursor, as the notes of a contact do."""
    if refused:
        body = error("client_error")
        sandbox.faults.append(Fault("status", match="starting_after", status=400, body=body))
    more = {"pages": {"next": {"page": 2, "starting_after": "WzE="}}}
    one, two = ({"type": "list", "data": [{"id": n}]} for n in "12")
    sandbox.faults.append(Fault("status", match="page=2", status=200, body=two))
    sandbox.faults.append(Fault("status", match="/tags", status=200, body={**one, **more}))
    assert ids(client_of(sandbox), "tags") == ["1", "2"]


@pytest.mark.parametrize(
    "fields",
    [
        {"total_count": 12},
        {"has_more": True},
        {"total_count": 5, "pages": {"page": 1, "per_page": 3, "total_pages": 1, "next": None}},
        {"pages": {"page": 1, "total_pages": 2}},  # and the second page is the first again
    ],
)
def test_a_list_that_says_there_is_more_and_not_where_is_no_whole_list(
    sandbox: Sandbox, fields: dict[str, Any]
) -> None:
    body = {"type": "list", "data": [{"id": "1"}, {"id": "2"}, {"id": "3"}], **fields}
    sandbox.faults.append(Fault("status", match="/tags", status=200, body=body))
    with pytest.raises(IncompleteAnswer):
        ids(client_of(sandbox, retry_wait=0.0), "tags")
    sandbox.faults[0].times = 1
    assert set(ids(client_of(sandbox), "tags")) == set(sandbox.workspace.tags)


def test_a_scroll_that_ends_pages_before_its_total_is_started_over(sandbox: Sandbox) -> None:
    sandbox.scroll_page_size, sandbox.scroll_expiry = 7, 0.02
    empty = {"data": [], "total_count": SMALL["companies"]}
    sandbox.faults.append(Fault("answer", match="scroll_param", body=empty, after=1, times=1))
    stream = STREAMS["companies"](client_of(sandbox))
    assert {c["id"] for c in stream.get_records()} == set(sandbox.workspace.companies)
    assert stream.counts["scrolls started over"] >= 1


@pytest.mark.long
@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("body", ["html", "empty", {"message": "no route"}, "null"])
@pytest.mark.parametrize("path", ["/conversations/\\d", "/admins/\\d", "/contacts/.*/notes"])
def test_what_intercom_did_not_say_is_a_fault_and_asked_again(
    sandbox: Sandbox, status: int, body: Any, path: str
) -> None:
    sandbox.faults.append(Fault("status", match=path, status=status, body=body, times=1))
    stream = {"/conversations/": "conversation_parts", "/admins/": "admins"}
    name = next((stream[prefix] for prefix in stream if path.startswith(prefix)), "contacts")
    found = STREAMS[name](client_of(sandbox))
    list(found.get_records())
    gone = [count for what, count in found.counts.items() if what.endswith("gone")]
    assert sandbox.faults[0].fired == 1
    assert sum(gone) == 0


@pytest.mark.parametrize("host", ["https://api.intercom.io", "https://api.eu.intercom.io:443"])
@pytest.mark.parametrize("prefix", ["", "/intercom"])
def test_a_next_page_on_another_of_intercoms_hosts_is_asked_at_the_configured_one(
    sandbox: Sandbox, host: str, prefix: str
) -> None:
    one, two = ({"type": "list", "data": [{"id": n}]} for n in "12")
    following = {"pages": {"next": f"{host}/tags?page=2"}}
    base = prefix + "/tags"
    sandbox.faults.append(Fault("status", match=f"^{base}\\?page=2$", status=200, body=two))
    sandbox.faults.append(Fault("status", match=f"^{base}$", status=200, body={**one, **following}))
    assert ids(client_of(sandbox, base_url=sandbox.url + prefix), "tags") == ["1", "2"]


@pytest.mark.parametrize(
    "named",
    [
        "http://proxy.example.com/intercom/tags?page=2",  # TLS ends at the proxy
        "https://proxy.example.com:443/intercom/tags?page=2",
        "https://api.au.intercom.io/tags?page=2",
        "/tags?page=2",
    ],
)
def test_a_page_behind_a_proxy_is_asked_with_its_scheme_and_prefix(named: str) -> None:
    base = "https://proxy.example.com/intercom"
    assert address_of(named, base) == f"{base}/tags?page=2"


def test_a_next_page_that_leaves_parameters_out_is_asked_with_them(sandbox: Sandbox) -> None:
    one, two = ({"type": "list", "segments": [{"id": n, "updated_at": 1}]} for n in "12")
    following = {"pages": {"next": f"{sandbox.url}/segments?page=2"}}
    wanted = "page=2.*type=company.*include_count=true"
    sandbox.faults.append(Fault("status", match=wanted, status=200, body=two))
    sandbox.faults.append(Fault("status", match="/segments", status=200, body={**one, **following}))
    assert ids(client_of(sandbox), "company_segments") == ["1", "2"]


@pytest.mark.parametrize("app", [None, {}, {"id_code": None}])
def test_an_unknown_workspace_is_asked_again_and_never_a_workspace(
    sandbox: Sandbox, app: Any
) -> None:
    fault = Fault("status", match="/me", status=200, body={"type": "admin", "app": app}, times=2)
    sandbox.faults.append(fault)
    client = client_of(sandbox)
    client.me()
    assert client.workspace_id == sandbox.workspace.me["app"]["id_code"]
    sandbox.faults[0] = Fault("status", match="/me", status=200, body={"app": app})
    with pytest.raises(UnusableAnswer, match="which workspace"):
        _ = client_of(sandbox, retry_wait=0.0).workspace_id


def test_one_outage_of_me_is_waited_for_once(sandbox: Sandbox) -> None:
    sandbox.latency = 0.02
    fault = Fault("status", match="/me", status=503)
    sandbox.faults.append(fault)
    client = client_of(sandbox)
    told: list[str] = []

    def ask() -> None:
        with pytest.raises(ServerError) as problem:
            _ = client.counting_anew().workspace_id
        told.append(str(problem.value))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(told)) == 1 and len(told) == 5
    assert fault.fired == MAX_TRIES
    ask()  # a stream that comes later
    assert fault.fired == MAX_TRIES + 1
    sandbox.faults.clear()
    assert client.workspace_id
    assert sandbox.count("/me") == MAX_TRIES + 2


ABSURD = {
    "no limit": {"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0"},
    "a negative limit": {"X-RateLimit-Limit": "-1", "X-RateLimit-Remaining": "-1"},
    "an endless limit": {"X-RateLimit-Limit": "1" + "0" * 30, "X-RateLimit-Remaining": "0"},
    "less than none": {"X-RateLimit-Remaining": "-1000000"},
    "a reset years ahead": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"},
    "a reset in milliseconds": {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "4102444800000",
    },
    "a reset as a date": {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "2100-01-01T00:00:00Z",
    },
    "a reset in the past": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"},
    "a reset that is no time": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "nan"},
    "a clock of 1980": {
        "X-RateLimit-Remaining": "0",
        "Date": "Tue, 01 Jan 1980 00:00:00 GMT",
    },
    "a clock of 2100": {
        "X-RateLimit-Remaining": "0",
        "Date": "Fri, 01 Jan 2100 00:00:00 GMT",
    },
}
REFUSALS = {
    **ABSURD,
    "a date to come back at": {"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"},
    "a date that is past": {"Retry-After": "Tue, 01 Jan 1980 00:00:00 GMT"},
    "a year to wait": {"Retry-After": "31536000"},
    "less than nothing": {"Retry-After": "-31536000"},
}


@pytest.mark.long
@pytest.mark.parametrize("form", REFUSALS)
@pytest.mark.parametrize("status", [200, 429])
def test_no_call_waits_longer_than_two_windows_for_a_header(
    sandbox: Sandbox, form: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = 0.3
    monkeypatch.setattr(pacing, "WINDOW_SECONDS", window)
    kind = "answer" if status == 200 else "status"
    body: Any = {} if status == 200 else "json"
    sandbox.faults.append(
        Fault(kind, status=status, body=body, headers=REFUSALS[form], after=1, times=1)
    )
    client = client_of(sandbox)
    client.get("/me")
    client.get("/tags")
    for _ in range(3):
        began = time.monotonic()
        client.get("/tags")
        assert time.monotonic() - began < pacing.MOST_WINDOWS * window + 0.5
    assert sandbox.faults[0].fired == 1


@pytest.mark.long
def test_a_run_survives_errors_with_a_good_status(
    sandbox: Sandbox, make_project: Callable[..., Project]
) -> None:
    project = make_project(sandbox)
    for path in ("/me", "/tags", "/teams", "/contacts/search"):
        body = error("server_error")
        sandbox.faults.append(Fault("status", match=path, status=200, body=body, times=1))
    project.run("tags", "teams", "contacts")
    assert [fault.fired for fault in sandbox.faults] == [1, 1, 1, 1]
    assert project.differences("tags", "teams", "contacts") == {}


@pytest.mark.parametrize("stream", ["company_attributes", "contact_attributes"])
@pytest.mark.parametrize("times", [1, None])
def test_attributes_of_another_model_than_was_asked_for_never_land(
    sandbox: Sandbox, stream: str, times: int | None
) -> None:
    asked, other = "company", "contact"
    if stream == "contact_attributes":
        asked, other = other, asked
    client = client_of(sandbox, retry_wait=0.0)
    theirs = client.get("/data_attributes", {"model": other}).body
    body = {"data": theirs["data"]}
    sandbox.faults.append(Fault("answer", match=f"model={asked}", body=body, times=times))
    if times is None:
        with pytest.raises(WrongAnswer, match=f"whose model is '{asked}' and gave .*'{other}'"):
            list(STREAMS[stream](client).get_records())
    else:
        found = list(STREAMS[stream](client).get_records())
        assert {record["model"] for record in found} == {asked}


@pytest.mark.parametrize("times", [1, None])
def test_segments_of_people_never_land_among_those_of_companies(
    sandbox: Sandbox, times: int | None
) -> None:
    client = client_of(sandbox, retry_wait=0.0)
    people = {"segments": client.get("/segments").body["segments"]}
    sandbox.faults.append(Fault("answer", match="type=company", body=people, times=times))
    if times is None:
        with pytest.raises(WrongAnswer, match="gave those of people"):
            ids(client, "company_segments")
    else:
        assert set(ids(client, "company_segments")) == set(sandbox.workspace.company_segments)


def test_segments_of_companies_may_say_what_they_hold(sandbox: Sandbox) -> None:
    for segment in sandbox.workspace.company_segments:
        sandbox.workspace.update("company_segments", segment, person_type="user")
    client = client_of(sandbox)
    assert set(ids(client, "company_segments")) == set(sandbox.workspace.company_segments)


@pytest.mark.parametrize("stream", LISTS)
def test_a_null_in_a_list_is_a_fault_of_that_record(
    sandbox: Sandbox, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, key = STREAMS[stream].path, STREAMS[stream].data_key or "data"
    with Sandbox(**SMALL) as twin:
        whole = list(STREAMS[stream](client_of(twin)).get_records())
    nulled = {key: [None, *whole[1:]]}
    sandbox.faults.append(Fault("answer", match=path, body=nulled, times=1))
    client = client_of(sandbox)
    found = STREAMS[stream](client)
    some = {str(record["id"]) for record in found.get_records()}
    assert some == {str(record["id"]) for record in whole[1:]}
    assert found.counts["records unreadable"] == 1
    assert f"{stream}: 1 records unreadable" in caplog.text


@pytest.mark.long
def test_a_null_as_the_body_of_one_record_is_a_fault_of_that_record(
    sandbox: Sandbox, project: Project
) -> None:
    project.settings["retry_wait"] = 0.0
    project.run("admin_list", "admins", "conversations", "conversation_parts")
    admin, conversation = (
        next(iter(sandbox.workspace.admins)),
        next(iter(sandbox.workspace.conversations)),
    )
    sandbox.workspace.update("conversations", conversation, title="changed")
    for path in (f"/admins/{admin}", f"/conversations/{conversation}"):
        sandbox.faults.append(Fault("status", match=path, status=200, body=None))
    project.run("admin_list", "admins", "conversations", "conversation_parts")
    assert project.metadata("admins")["intercom/admins_unreadable"] == 1
    assert project.query("select count(*) from intercom.admins") == [
        (len(sandbox.workspace.admins),)
    ]
    assert project.metadata("conversation_parts")["intercom/conversations_refused"] == 1
    sandbox.faults.clear()
    project.run("admin_list", "admins", "conversation_parts")
    assert project.differences("admins", "conversation_parts") == {}


@pytest.mark.long
@pytest.mark.parametrize("parts", [None, {"conversation_parts": None}, "none"])
def test_a_conversation_without_parts_stops_no_other(
    sandbox: Sandbox, project: Project, parts: Any
) -> None:
    conversation = next(iter(sandbox.workspace.conversations))
    match = f"/conversations/{conversation}"
    body = {"conversation_parts": parts}
    sandbox.faults.append(Fault("answer", match=match, body=body))
    project.run("conversations", "conversation_parts")
    assert project.metadata("conversation_parts")["intercom/conversations_refused"] == 1
    sandbox.faults.clear()
    project.run("conversation_parts")
    assert project.differences("conversation_parts") == {}
