"""What a run says when Intercom refuses, and how the next one goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from intercom_assets.client.errors import AuthenticationError, RequestRefused
from intercom_assets.client.retries import MAX_TRIES
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets_tests.conftest import SMALL, Project, client_of


def told(result: dg.ExecuteInProcessResult, stream: str) -> dg.Failure:
    """The failure of a stream's step, as Dagster's UI shows it."""
    data = result.failure_data_for_node(stream)
    assert data is not None and data.user_failure_data is not None
    return dg.Failure(data.user_failure_data.description, dict(data.user_failure_data.metadata))


@pytest.mark.long
def test_a_run_that_gives_up_says_where_and_the_next_one_resumes(
    sandbox: Sandbox, project: Project
) -> None:
    project.settings["max_concurrency"] = 2
    project.run("conversations")
    sandbox.faults.append(Fault("status", match=r"/conversations/\d", status=503, after=10))
    result = project.run("conversation_parts", raise_on_error=False)
    assert not result.success
    failure = told(result, "conversation_parts")
    said = str(failure.description)
    assert said.startswith("conversation_parts: ")
    assert "GET /conversations/" in said
    assert "status: 503" in said
    assert "code: service_unavailable" in said
    assert "request id: sandbox-" in said
    assert {"intercom/call", "intercom/status", "intercom/code", "intercom/request_id"} <= set(
        failure.metadata
    )
    stored = project.query("select count(*) from intercom._ledger")[0][0]
    assert stored == 10  # all that was read before
    sandbox.faults.clear()
    sandbox.reset_log()
    project.run("conversation_parts")
    assert project.differences("conversation_parts") == {}
    # The newest is read once more, and the other thread was waiting to ask again.
    more = 1 + 1
    assert sandbox.count("/conversations/") <= len(sandbox.workspace.conversations) - 10 + more


def test_a_bad_token_fails_at_once_and_says_what_to_check(sandbox: Sandbox) -> None:
    client = client_of(sandbox, access_token="not-the-token")
    with pytest.raises(AuthenticationError, match=r"INTERCOM_ACCESS_TOKEN.*INTERCOM_REGION"):
        list(STREAMS["tags"](client).get_records())
    assert [request.path for request in sandbox.requests] == ["/tags", "/me"]


def test_the_first_call_of_a_run_fails_like_any_other(sandbox: Sandbox, project: Project) -> None:
    """It asks who the token belongs to, before anything is read."""
    sandbox.faults.append(Fault("status", match="/me", status=503))
    said = str(told(project.run("tags", raise_on_error=False), "tags").description)
    assert said.startswith("tags: ")
    assert "GET /me, status: 503, code: service_unavailable" in said
    sandbox.faults.clear()
    sandbox.token = "another"
    project.settings["access_token"] = "not-the-token"
    said = str(told(project.run("tags", raise_on_error=False), "tags").description)
    assert "INTERCOM_ACCESS_TOKEN" in said


@pytest.mark.long
@pytest.mark.parametrize("status", [401, 403])
def test_a_lacking_scope_fails_one_asset_and_the_others_succeed(
    make_project: Callable[..., Project], status: int
) -> None:
    with Sandbox(**SMALL) as sandbox:
        sandbox.missing_scopes["/companies"] = status
        project = make_project(sandbox)
        some = ("admin_list", "companies", "segments", "tags")
        result = project.run(*some, raise_on_error=False)
        failed = {event.step_key for event in result.all_events if event.is_step_failure}
        assert failed == {"companies"}
        assert "'not key:companies'" in str(told(result, "companies").description)
        assert project.differences("admin_list", "segments", "tags") == {}
        # Asked once, and /me once to tell the token from the scope: nothing is tried again.
        assert sandbox.count("/companies/scroll") == 1


@pytest.mark.long
def test_what_follows_a_failed_asset_is_skipped_and_comes_right_later(
    sandbox: Sandbox, project: Project
) -> None:
    sandbox.faults.append(Fault("status", match="/conversations/search", status=500))
    result = project.run("conversations", "conversation_parts", "tags", raise_on_error=False)
    messages = [entry.user_message for entry in project.instance.all_logs(result.run_id)]
    assert any("Dependencies for step conversation_parts failed" in said for said in messages)
    assert project.differences("tags") == {}
    sandbox.faults.clear()
    project.run("conversations", "conversation_parts")
    assert project.differences("conversations", "conversation_parts") == {}


@pytest.mark.parametrize(
    ("following", "said"),
    [
        ("https://api.intercom.io.example.com/segments?page=2", "another host.*INTERCOM_REGION"),
        ("https://api.intercom.io@example.com/segments?page=2", "another host"),
        ("https://someone@api.intercom.io/segments?page=2", "another host"),
        ("http://127.0.0.1:1/segments?page=2", "another host"),
        ("ftp://{host}/segments", "another host"),
    ],
)
def test_a_next_page_elsewhere_is_an_error(sandbox: Sandbox, following: str, said: str) -> None:
    url = following.format(host=sandbox.url.split("//")[1])
    sandbox.faults.append(Fault("next_url", match="/segments", url=url, times=1))
    with pytest.raises(RequestRefused, match=said):
        list(STREAMS["segments"](client_of(sandbox)).get_records())


@pytest.mark.parametrize("stream", ["segments", "tags", "conversations"])
def test_a_next_page_that_leads_in_circles_is_an_error(
    sandbox: Sandbox, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(STREAMS["conversations"], "shortest_window", 10**9)  # one walk
    sandbox.faults.append(Fault("next_url"))
    client = client_of(sandbox, page_size=5)
    with pytest.raises(Exception, match="in circles"):
        list(STREAMS[stream](client).get_records())
    assert sandbox.count() <= 10


def test_another_scheme_is_another_host(sandbox: Sandbox) -> None:
    secure = sandbox.url.replace("http:", "https:")
    sandbox.faults.append(Fault("next_url", match="/segments", url=f"{secure}/segments", times=1))
    with pytest.raises(RequestRefused, match="another host"):
        list(STREAMS["segments"](client_of(sandbox)).get_records())


def test_a_redirect_to_another_host_is_not_followed(
    sandbox: Sandbox, make_project: Callable[..., Project]
) -> None:
    with Sandbox(**SMALL) as elsewhere:
        sandbox.faults.append(Fault("redirect", match="/tags", url=f"{elsewhere.url}/tags"))
        result = make_project(sandbox).run("tags", raise_on_error=False)
        assert "redirected" in str(told(result, "tags").description)
        assert elsewhere.count() == 0


@pytest.mark.long
@pytest.mark.parametrize("fault", [{"status": 404}, {"status": 500}, {"status": 400}])
def test_no_error_is_the_end_of_a_scroll(
    make_project: Callable[..., Project], fault: dict[str, Any]
) -> None:
    """Half of the companies were read when every further page fails: none of them is lost."""
    with Sandbox(**{**SMALL, "companies": 30}, scroll_page_size=5, scroll_expiry=0.02) as sandbox:
        project = make_project(sandbox, retry_wait=0.0)
        project.run("companies")
        sandbox.faults.append(Fault("status", match="scroll_param", after=2, **fault))
        result = project.run("companies", raise_on_error=False)
        assert not result.success
        sandbox.faults.clear()
        assert project.differences("companies") == {}
        project.run("companies", full_refresh=True)
        assert project.differences("companies") == {}
        assert sandbox.count("/companies/scroll") < 16 * (3 * MAX_TRIES)
