"""What a network, a proxy or a bad day does to answers: every run finishes, and nothing is lost."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from intercom_assets.client.client import MAX_RATE_LIMITED
from intercom_assets.client.errors import RateLimited, ServerError
from intercom_assets.client.retries import MAX_TRIES
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets.streams.base import INCREMENTAL
from intercom_assets_tests.conftest import CORE, Project, client_of

TINY: dict[str, Any] = {"contacts": 5, "companies": 7, "conversations": 6}
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429},
    "429 without X-RateLimit-Reset": {"kind": "status", "status": 429},
    "500": {"kind": "status", "status": 500},
    "502 in HTML": {"kind": "status", "status": 502, "body": "html"},
    "503 in HTML": {"kind": "status", "status": 503, "body": "html"},
    "504 in HTML": {"kind": "status", "status": 504, "body": "html"},
    "503 without a body": {"kind": "status", "status": 503, "body": "empty"},
    "empty 200": {"kind": "empty_200"},
    "half of a JSON body": {"kind": "cut_json"},
    "connection cut within the body": {"kind": "cut_connection"},
    "connection reset": {"kind": "reset"},
    "no answer": {"kind": "stall", "seconds": 5.0},
}
QUICK = {"request_timeout": 0.3, "page_size": 3, "retry_wait": 0.01}
Everything = dict[str, list[Any]]


def read(sandbox: Sandbox) -> Everything:
    """Every record of every stream, through a client that gives up on an answer quickly."""
    client = client_of(sandbox, **QUICK)
    found = {}
    for name, stream in ((name, STREAMS[name]) for name in CORE):
        records = [repr(sorted(record.items(), key=str)) for record in stream(client).get_records()]
        # A merged table has a key once, however often a record came; a replaced one has all of it.
        merged = stream.replication_method == INCREMENTAL
        found[name] = sorted(set(records) if merged else records)
    client.close()
    return found


def windows_of_a_tenth(sandbox: Sandbox) -> None:
    """So that the wait which a 429 tells is short."""
    sandbox.window = 0.1


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    # A cursor that is lost with its page leaves a scroll open, until it expires.
    # An answer without X-RateLimit-Reset is waited for as long as a window lasts.
    monkeypatch.setattr("intercom_assets.client.pacing.WINDOW_SECONDS", 0.05)
    with Sandbox(**TINY, scroll_page_size=2, scroll_expiry=0.2) as sandbox:
        yield sandbox


@pytest.mark.parametrize("fault", FAULTS)
def test_at_five_percent_of_all_requests_everything_is_read(tiny: Sandbox, fault: str) -> None:
    windows_of_a_tenth(tiny)
    whole = read(tiny)
    clean, tiny.omit_reset = tiny.count(), "without X-RateLimit-Reset" in fault
    tiny.reset_log()
    tiny.faults.append(Fault(**FAULTS[fault], probability=0.05, seed=3))
    assert read(tiny) == whole
    fired = tiny.faults[0].fired
    assert fired >= 2
    # Each fault costs a repetition, or a scroll begun anew.
    assert tiny.count() <= clean + fired * 6


@pytest.mark.parametrize("fault", FAULTS)
def test_on_the_scroll_alone_every_company_is_read(tiny: Sandbox, fault: str) -> None:
    windows_of_a_tenth(tiny)
    tiny.omit_reset = "without X-RateLimit-Reset" in fault
    tiny.faults.append(Fault(**FAULTS[fault], match="/companies/scroll", probability=0.2, seed=1))
    companies = list(STREAMS["companies"](client_of(tiny, **QUICK)).get_records())
    assert {c["id"] for c in companies} == set(tiny.workspace.companies)
    assert tiny.faults[0].fired >= 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_on_the_scroll_alone_every_company_lands(
    tiny: Sandbox, make_project: Callable[..., Project], fault: str
) -> None:
    windows_of_a_tenth(tiny)
    tiny.omit_reset = "without X-RateLimit-Reset" in fault
    # Once only: a scroll that is begun anew would bring what was skipped.
    later = Fault(**FAULTS[fault], match="scroll_param", after=1, times=1)
    first = Fault(**FAULTS[fault], match="/companies/scroll", times=1)
    tiny.faults += [later, first]
    project = make_project(tiny, **QUICK)
    assert project.run("companies").success
    assert later.fired == first.fired == 1
    assert project.differences("companies") == {}


@pytest.mark.parametrize("kind", ["cut_json", "cut_connection"])
def test_a_page_of_a_scroll_whose_answer_is_lost_is_not_skipped(tiny: Sandbox, kind: Any) -> None:
    """Intercom goes on with every request; whoever repeats one gets the page after."""
    for number in range(5):
        tiny.faults[:] = [Fault(kind, match="/companies/scroll", after=number, times=1)]
        companies = STREAMS["companies"](client_of(tiny, **QUICK)).get_records()
        assert {company["id"] for company in companies} == set(tiny.workspace.companies), number


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_at_each_single_request_in_turn(tiny: Sandbox, fault: str) -> None:
    windows_of_a_tenth(tiny)
    whole = read(tiny)
    clean, tiny.omit_reset = tiny.count(), "without X-RateLimit-Reset" in fault
    for number in range(clean):
        tiny.faults[:] = [Fault(**FAULTS[fault], after=number, times=1)]
        tiny.reset_log()
        assert read(tiny) == whole, f"with a fault at request {number}"
        assert tiny.faults[0].fired == 1
        assert tiny.count() <= clean + 12  # a scroll that lost its cursor waits, and begins anew


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_at_five_percent_the_tables_agree_with_intercom(
    make_project: Callable[..., Project], fault: str
) -> None:
    with Sandbox(
        contacts=40, companies=30, conversations=25, scroll_page_size=5, scroll_expiry=0.2
    ) as sandbox:
        sandbox.window, sandbox.omit_reset = 0.5, "without X-RateLimit-Reset" in fault
        project = make_project(sandbox, **{**QUICK, "page_size": 10})
        sandbox.faults.append(Fault(**FAULTS[fault], probability=0.05, seed=7))
        for _ in range(2):
            assert project.run().success
            assert project.differences() == {}
            sandbox.workspace.clock.advance(3_600)
            # A contact holds companies as they were when it changed.
            for collection in ("contacts", "conversations"):
                for ident in list(getattr(sandbox.workspace, collection))[:5]:
                    sandbox.workspace.update(collection, ident, name=f"changed {ident}")
        assert sandbox.faults[0].fired >= 3


def test_a_search_is_repeated_although_it_is_a_post(tiny: Sandbox) -> None:
    tiny.faults.append(Fault("reset", match="/search", method="POST", times=2))
    found = list(STREAMS["conversations"](client_of(tiny)).get_records())
    assert {c["id"] for c in found} == set(tiny.workspace.conversations)
    assert tiny.faults[0].fired == 2


def test_repetitions_are_bounded(tiny: Sandbox) -> None:
    tiny.faults.append(Fault("status", match="/tags", status=503))
    with pytest.raises(ServerError, match="503"):
        list(STREAMS["tags"](client_of(tiny, **QUICK)).get_records())
    assert tiny.faults[0].fired == MAX_TRIES


def test_repetitions_of_what_is_rate_limited_are_bounded(tiny: Sandbox) -> None:
    windows_of_a_tenth(tiny)
    tiny.omit_reset = True
    tiny.faults.append(Fault("status", match="/tags", status=429))
    with pytest.raises(RateLimited, match="stayed used up"):
        list(STREAMS["tags"](client_of(tiny, **QUICK)).get_records())
    assert tiny.faults[0].fired == MAX_RATE_LIMITED


def test_the_waits_double_and_are_not_the_same_twice(
    tiny: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "intercom_assets")
    tiny.faults.append(Fault("status", match="/tags", status=500))
    waited = []
    monkey = client_of(tiny, retry_wait=0.004)
    for _ in range(2):
        caplog.clear()
        with pytest.raises(ServerError):
            monkey.get("/tags")
        messages = [record.args for record in caplog.records if "trying again" in record.msg]
        waited.append([float(args[1]) for args in messages if isinstance(args, tuple)])
    for waits in waited:
        assert len(waits) == MAX_TRIES - 1
        for number, wait in enumerate(waits):
            assert 0.004 * 2**number <= wait <= 0.004 * (2**number + 1)
    assert waited[0] != waited[1]


def test_the_waits_stop_doubling_at_a_minute(
    tiny: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waited.append))
    tiny.faults.append(Fault("status", match="/tags", status=500))
    with pytest.raises(ServerError):
        client_of(tiny, retry_wait=8.0).get("/tags")
    for wait, least in zip(waited, (8, 16, 32, 60, 60, 60, 60), strict=True):
        assert least <= wait <= least + 8, waited


@pytest.mark.parametrize("header", ["X-RateLimit-Reset", "Retry-After"])
def test_a_429_is_waited_for_as_long_as_its_header_says(sandbox: Sandbox, header: str) -> None:
    """Windows of two seconds, of which the first is used up by somebody else."""
    sandbox.window, sandbox.limit = 2.0, 3
    sandbox.retry_after = sandbox.omit_reset = header == "Retry-After"
    clock = sandbox.workspace.clock
    clock.advance(sandbox.window - clock.time() % sandbox.window)  # a window has just begun
    client, other = client_of(sandbox), client_of(sandbox)
    client.me()
    for _ in range(3):  # the rest of this window, and 429 after that
        other._transport.send("GET", f"{sandbox.url}/me")
    sandbox.reset_log()
    client.get("/tags")
    (refused, asked), (served, again) = [(each.status, each.at) for each in sandbox.requests]
    assert (refused, served) == (429, 200)
    assert again // 2 > asked // 2, "asked again within the window"
    # Both headers, and the Date by which the first is read, are in whole seconds.
    assert again - asked < 2.0 + 1.0 + 2.0, "waited for more than the window"


def test_a_page_that_keeps_failing_is_asked_for_in_smaller_pages_before_the_run_gives_up(
    tiny: Sandbox,
) -> None:
    tiny.faults.append(Fault("status", match="/conversations/search", status=502, body="html"))
    with pytest.raises(ServerError, match=re.escape("POST /conversations/search")):
        list(STREAMS["conversations"](client_of(tiny, page_size=8, retry_wait=0)).get_records())
    sizes = [r.body["pagination"]["per_page"] for r in tiny.requests if "/search" in r.path]
    assert sorted(set(sizes), reverse=True) == [8, 4, 2, 1]
    assert len(sizes) == 3 * 3 + MAX_TRIES
