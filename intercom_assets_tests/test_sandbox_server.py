"""The sandbox's headers, limits, log and control, seen from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import requests

from intercom_assets.sandbox import RequestLog, Sandbox, Workspace
from intercom_assets.sandbox.faults import Kind
from intercom_assets.sandbox.options import OPTION_NAMES
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


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("Authorization", None, (401, "unauthorized")),
        ("Authorization", "Bearer other", (401, "unauthorized")),
        ("Authorization", "Basic b3RoZXI6", (401, "unauthorized")),
        ("Authorization", "Basic ?", (401, "unauthorized")),
        ("Accept", None, (406, "not_acceptable")),
        ("Accept", "text/html", (406, "not_acceptable")),
        ("Intercom-Version", "2.99", (400, "intercom_version_invalid")),
    ],
)
def test_headers_are_checked(
    api: Api, header: str, value: str | None, expected: tuple[int, str]
) -> None:
    assert code(api.get("/tags", headers={header: value})) == expected


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Accept", "*/*"),
        ("Accept", "text/plain, application/*;q=0.5"),
        ("Authorization", f"Basic {b64encode(b'sandbox-token:').decode()}"),
        ("Authorization", f"basic {b64encode(b'sandbox-token:x').decode()}"),
    ],
)
def test_headers_of_other_clients_are_accepted(api: Api, header: str, value: str) -> None:
    assert api.get("/tags", headers={header: value}).ok


def test_without_a_version_the_apps_own_counts(api: Api, sandbox: Sandbox) -> None:
    without = {"Intercom-Version": None}
    assert api.get("/ticket_states", headers=without).headers["Intercom-Version"] == "2.16"

    sandbox.app_version = "2.11"

    answer = api.get("/ticket_states", headers=without)
    assert code(answer) == (400, "intercom_version_invalid")
    assert answer.headers["Intercom-Version"] == "2.11"


def test_answers_have_the_headers_of_intercom(api: Api, sandbox: Sandbox) -> None:
    sandbox.workspace.clock.advance(-86_400)
    for response in (api.get("/tags"), api.get("/nothing")):
        at = parsedate_to_datetime(response.headers["Date"]).timestamp()
        assert abs(at - sandbox.workspace.clock.now()) <= 1
        assert response.headers["Intercom-Version"] == "2.16"
        assert {"X-Request-Id", "X-RateLimit-Limit"} <= set(response.headers)


def test_missing_scopes_are_told_per_path(api: Api, sandbox: Sandbox) -> None:
    sandbox.missing_scopes = {"/tags": 401, "/teams": 403}
    assert code(api.get("/tags")) == (401, "unauthorized")
    assert code(api.get("/teams")) == (403, "forbidden")
    assert api.get("/me").ok


def test_requests_over_the_limit_are_refused_until_the_window_ends(
    api: Api, sandbox: Sandbox
) -> None:
    clock = sandbox.workspace.clock
    sandbox.limit = 3
    clock.advance(10 - clock.time() % 10)  # to the start of a window
    answers = [api.get("/tags") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [a.headers["X-RateLimit-Remaining"] for a in answers] == ["2", "1", "0", "0"]
    assert code(answers[3]) == (429, "rate_limit_exceeded")
    reset = int(answers[3].headers["X-RateLimit-Reset"])
    assert reset % 10 == 0
    assert 0 < reset - clock.time() <= 10
    assert "Retry-After" not in answers[3].headers
    sandbox.retry_after = sandbox.omit_reset = True
    refused = api.get("/tags")
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert "X-RateLimit-Reset" not in refused.headers
    clock.advance(10)
    assert api.get("/tags").ok


def test_latency_is_spent_side_by_side(api: Api, sandbox: Sandbox) -> None:
    sandbox.latency = 0.3
    started = time.monotonic()

    def read() -> None:
        with Api(sandbox) as other:
            other.get("/tags")

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.3 <= time.monotonic() - started < 1.5
    assert sandbox.max_in_flight > 1


def test_answers_can_be_compressed(api: Api, sandbox: Sandbox) -> None:
    plain = api.get("/tags")
    assert "Content-Encoding" not in plain.headers
    sandbox.gzip = True
    packed = api.get("/tags")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json() == plain.json()


def test_requests_are_logged(api: Api, sandbox: Sandbox) -> None:
    query = {"query": updated(">", 0)}
    api.get("/contacts/nobody/tags", params={"page": 1})
    api.post("/contacts/search", query)
    first, second = sandbox.requests
    assert (first.method, first.path, first.query) == (
        "GET",
        "/contacts/nobody/tags",
        {"page": "1"},
    )
    assert (first.status, second.status, second.body) == (404, 200, query)
    assert (sandbox.count("/contacts/"), sandbox.count("/contacts/search")) == (2, 1)
    assert sandbox.summary()["paths"] == {"/contacts/nobody/tags": 1, "/contacts/search": 1}
    sandbox.reset_log()
    assert (sandbox.requests, sandbox.count()) == ([], 0)


def test_a_hook_sees_each_request_before_it_is_answered(api: Api, sandbox: Sandbox) -> None:
    def rename(request: RequestLog) -> None:
        id = request.path.rsplit("/", 1)[1]
        sandbox.workspace.update("contacts", id, name="Changed meanwhile")

    contact = next(iter(sandbox.workspace.contacts))
    sandbox.on_request = rename
    assert api.get(f"/contacts/{contact}").json()["name"] == "Changed meanwhile"


def test_equal_seeds_answer_equally() -> None:
    bodies = []
    for _ in range(2):
        with Sandbox(**SMALL, seed=7, anchor=1_760_000_000) as sandbox, Api(sandbox) as api:
            bodies.append(api.search("contacts", updated(">", 0), sort=None).content)
    assert bodies[0] == bodies[1]


def test_a_record_that_orjson_refuses_is_answered_all_the_same(api: Api, sandbox: Sandbox) -> None:
    contact = next(iter(sandbox.workspace.contacts))
    sandbox.workspace.update("contacts", contact, name="\ud83d", size=10**30)
    assert b"\\ud83d" in api.get(f"/contacts/{contact}").content
    found = api.search("contacts", {"field": "id", "operator": "=", "value": contact})
    assert json.loads(found.content)["data"][0]["size"] == 10**30


def test_a_sandbox_that_was_stopped_can_be_started_again() -> None:
    sandbox = Sandbox(**SMALL)
    found = []
    for _ in range(2):
        with sandbox, Api(sandbox) as api:
            found.append(api.search("contacts", updated(">", 0)).json()["total_count"])
        sandbox.workspace.create("contacts")
    assert found == [20, 21]
    assert not sandbox.workspace.listeners


def test_arguments_are_checked() -> None:
    with pytest.raises(TypeError, match="contacts"):
        Sandbox(Workspace(**SMALL), contacts=3)
    with Sandbox(**SMALL) as sandbox, pytest.raises(OSError, match="in use"):
        Sandbox(sandbox.workspace, port=int(sandbox.url.rsplit(":", 1)[1])).start()


def test_a_sandbox_can_be_controlled_over_http(api: Api, sandbox: Sandbox) -> None:
    def control(method: str, call: str, body: object = None) -> requests.Response:
        return requests.request(method, f"{sandbox.url}/_sandbox/{call}", json=body, timeout=10)

    assert control("POST", "change", {"n": 3}).json()["contacts"] == 3
    assert len(control("GET", "truth/contacts").json()) == len(sandbox.workspace.contacts)
    parts = control("GET", "truth/parts").json()
    assert {part["conversation_id"] for part in parts} <= set(sandbox.workspace.conversations)
    assert control("POST", "settings", {"limit": 5, "latency": 0.0}).json()["limit"] == 5
    assert sandbox.limit == 5
    assert control("POST", "settings", {"limits": 5}).status_code == 400
    control("POST", "faults", [{"kind": "status", "status": 500, "match": "/tags"}])
    assert code(api.get("/tags")) == (500, "server_error")
    assert control("POST", "faults", [{"kind": "quake"}]).status_code == 400
    summary = control("GET", "requests").json()
    assert (summary["total"], summary["statuses"]) == (1, {"500": 1})
    assert summary["first_at"] == summary["last_at"]
    control("POST", "reset")
    assert api.get("/tags").ok
    assert control("GET", "nothing").status_code == 404


def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    url_file = tmp_path / "url"
    command = [sys.executable, "-W", "error", "-m", "intercom_assets.sandbox", "--port", "0"]
    sizes = ["--contacts", "5", "--companies", "5", "--conversations", "5", "--token", "a b"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [*command, *sizes, "--url-file", str(url_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        while not url_file.exists() and process.poll() is None:
            time.sleep(0.01)
        url = url_file.read_text()
        assert line.startswith(f"export INTERCOM_ACCESS_TOKEN='a b' INTERCOM_BASE_URL={url}")
        assert len(requests.get(f"{url}/_sandbox/truth/contacts", timeout=10).json()) == 5
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0


def test_the_page_names_every_option_and_every_kind_of_fault() -> None:
    page = (Path(__file__).parents[1] / "docs" / "sandbox.md").read_text("utf-8")
    told = {
        name for names in re.findall(r"^\| (`[^|]*`) \|", page, re.M) for name in names.split(", ")
    }
    wanted = {f"`{name}`" for name in {*OPTION_NAMES, *get_args(Kind)}}
    assert wanted <= told
