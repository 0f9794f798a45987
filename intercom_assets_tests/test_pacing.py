"""The rate limit, kept by what answers say: alone, with others, and with little to go by."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import cycle

import pytest

from intercom_assets.client import IntercomClient, pacing
from intercom_assets.client.clock import ServerClock
from intercom_assets.client.pacing import (
    MOST_WINDOWS,
    PROBE_SECONDS,
    WINDOW_SECONDS,
    Pacer,
)
from intercom_assets.observability.progress import Progress
from intercom_assets.sandbox import Sandbox
from intercom_assets.threads.overlap import overlap
from intercom_assets_tests.conftest import SMALL, Project, client_of


class Clock(ServerClock):
    """Intercom's clock, set by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def time(self) -> float:
        return self.now


def window(remaining: int, limit: int = 100, reset: int = 1_010) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset),
    }


def calls(client: IntercomClient, count: int) -> None:
    """Makes calls from many threads, as the streams do."""

    def call() -> list[int]:
        client.get("/tags")
        return [1]

    assert sum(overlap([call] * count, 64)) == count


def statuses(sandbox: Sandbox) -> dict[str, int]:
    return dict(sandbox.summary()["statuses"])


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intercom_assets.client.pacing.WINDOW_SECONDS", 1.0)


@pytest.mark.long
def test_alone_the_whole_quota_is_used_and_no_call_is_refused(short_windows: None) -> None:
    with Sandbox(**SMALL, latency=0.01) as sandbox:
        sandbox.limit, sandbox.window = 40, 1.0
        client = client_of(sandbox)
        client.me()
        began = time.monotonic()
        calls(client, 150)
        assert statuses(sandbox) == {"200": 151}
        # 151 calls take four windows, of which the first may be nearly over.
        assert time.monotonic() - began < 10


@pytest.mark.long
def test_several_clients_share_a_quota_with_few_refusals(short_windows: None) -> None:
    with Sandbox(**SMALL, latency=0.02) as sandbox:
        sandbox.limit, sandbox.window = 600, 1.0
        clients = [client_of(sandbox) for _ in range(4)]
        threads = [threading.Thread(target=calls, args=(client, 450)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = statuses(sandbox)
        assert found["200"] >= 1_800
        assert found.get("429", 0) < 0.1 * found["200"]


def test_a_request_waits_while_the_window_is_used_up_and_goes_on_in_the_next() -> None:
    clock = Clock()
    pacer = Pacer(64, clock)
    pacer.observe(window(0), 0.1)
    admitted = threading.Event()

    def enter() -> None:
        with pacer:
            admitted.set()

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    assert not admitted.wait(0.1)
    clock.now = 1_010.1
    pacer.observe(window(99, reset=1_020), 0.1)
    assert admitted.wait(5)


def test_what_others_use_while_an_answer_travels_is_left_to_them() -> None:
    clock = Clock()
    pacer = Pacer(64, clock)
    pacer.observe(window(1_000, 1_000), 0.2)
    pacer._came_at -= 10
    pacer.observe(window(499, 1_000), 0.2)  # half a window's calls were theirs, 50 a second
    clock.now = 1_019.0
    pacer.observe(window(560, 1_000, reset=1_020), 0.2)
    # Fifty in the second that is left, ten in the time that the answer took, a tenth more of both.
    assert pacer._to_spare(left=1.0, travel=0.2) == pytest.approx(560 - 66, abs=1)


def test_a_call_that_hangs_keeps_nobody_from_looking_again() -> None:
    """Others took most of the window before; only an answer tells that they do not in this one."""
    clock = Clock()
    pacer = Pacer(64, clock)
    pacer.observe(window(99), 0.01)
    pacer._came_at -= 10
    pacer.observe(window(4), 0.01)
    clock.now = 1_010.0
    pacer.observe(window(99, reset=1_020), 0.01)
    with pacer:  # hangs
        pacer._admitted_at = pacer._observed_at = time.monotonic()
        assert pacer._wait() > 0
        pacer._admitted_at -= PROBE_SECONDS
        pacer._observed_at -= PROBE_SECONDS
        assert pacer._wait() == 0
        with pacer:  # one looks, and no more than one
            assert pacer._wait() > 0


def test_what_others_did_while_nothing_was_heard_is_not_taken_for_nothing() -> None:
    clock = Clock()
    pacer = Pacer(64, clock)
    pacer.observe(window(99), 0.1)
    pacer._came_at -= 5
    pacer.observe(window(49), 0.1)  # in half a window they made 49 calls
    pacer._came_at -= 5
    pacer._observed_at -= 5  # and nobody asked in the other half
    pacer.observe(window(99, reset=1_020), 0.1)
    assert pacer._others_before == pytest.approx(1.1 * 98, abs=1)


def test_what_others_used_in_the_window_before_is_left_to_them() -> None:
    clock = Clock()
    pacer = Pacer(64, clock)
    pacer.observe(window(100), 0.1)
    pacer._came_at -= 10  # a whole window was seen
    pacer.observe(window(20), 0.1)  # one of ours, and seventy-nine of others
    clock.now = 1_010.0
    pacer.observe(window(99, reset=1_020), 0.1)
    assert pacer._to_spare(left=10.0) < 25
    # Nobody has come by the end of the window: it is ours.
    assert pacer._to_spare(left=0.1) > 90


@pytest.mark.parametrize(("latency", "level"), [(0.01, 64), (0.2, 64), (1.0, 200), (10.0, 256)])
def test_concurrency_follows_latency_up_to_its_bound(latency: float, level: int) -> None:
    pacer = Pacer(256, Clock())
    for _ in range(60):
        pacer.observe(window(1_666, 1_667), latency)
    assert pacer.level() == pytest.approx(level, abs=2)


@pytest.mark.parametrize(
    ("headers", "latencies", "threads"),
    [
        ({}, [0.03, 0.001], 0),
        ({}, [0.001, 0.1], 8),
        (window(99), [0.1, 0.1], 8),
        (window(99), [0.012] * 2, 2),
        ({}, [0.001] * 8 + [30.0], 0),
        ({}, [0.1] * 8 + [None] * 8, 8),
    ],
    ids=["near", "far", "with a limit", "between", "one hung", "some refused"],
)
def test_threads_are_worth_having_where_answers_take_their_time(
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    latencies: list[float | None],
    threads: int,
) -> None:
    monkeypatch.setattr(pacing, "WORK_SECONDS", 0.005)
    pacer = Pacer(64, Clock())
    assert pacer.worthwhile(8) == 0
    for latency in latencies:
        pacer.observe(headers, latency)
    assert pacer.worthwhile(8) == threads


@pytest.mark.slow
def test_a_history_read_call_by_call_agrees_too(
    make_project: Callable[..., Project], near: None
) -> None:
    with Sandbox(**{**SMALL, "contacts": 400}) as sandbox:
        project = make_project(sandbox, page_size=5)
        project.run()
        assert project.metadata("contacts")["intercom/lists_completed"]
        for contact in list(sandbox.workspace.contacts)[:30]:
            sandbox.workspace.update("contacts", contact, name="Renamed")
        project.run()
        assert project.differences() == {}


@pytest.mark.long
def test_a_history_agrees_though_threads_come_to_be_worth_having_and_cease_to(
    make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Walks with threads and lists without, and the other way round, within one walk."""
    changing = cycle([0, 0, 3, 0, 8, 1, 2])
    monkeypatch.setattr(Pacer, "worthwhile", lambda _, most: min(most, next(changing)))
    with Sandbox(**{**SMALL, "contacts": 400}) as sandbox:
        project = make_project(sandbox, page_size=5)
        project.run("contacts", "conversations")
        assert project.metadata("contacts")["intercom/lists_completed"]
        assert project.differences("contacts", "conversations") == {}


def test_answers_that_arrive_late_do_not_count_for_the_next_window() -> None:
    clock = Clock()
    pacer = Pacer(64, clock)
    pacer.observe(window(50), 0.1)
    pacer.observe(window(99, reset=1_020), 0.1)
    pacer.observe(window(0), 0.1)
    assert pacer._remaining == 99


def test_progress_tells_how_many_of_how_many_how_fast_and_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    progress = Progress("records", lambda: 20_000, said.append)
    progress.add(5_000)
    assert said == []  # not every moment
    monkeypatch.setattr("intercom_assets.observability.progress.LINE_SECONDS", 0.0)
    progress.add(5_000)
    assert said[0].startswith("10,000 of about 20,000 records, ")
    assert progress.line(5.0) == ("10,000 of about 20,000 records, 2,000/s, 5 s left")
    nobody_knows = Progress("records", lambda: None, said.append)
    nobody_knows.add(10)
    assert nobody_knows.line(2.0) == "10 records, 5/s"


@pytest.mark.long
def test_a_run_shows_its_progress_in_dagsters_log(
    make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.observability.progress.LINE_SECONDS", 0.0)
    with Sandbox(**SMALL) as sandbox:
        project = make_project(sandbox)
        streams = ("conversations", "conversation_parts", "contacts")
        result = project.run(*streams)
        log = "\n".join(e.user_message for e in project.instance.all_logs(result.run_id))
        for stream, unit in zip(streams, ("records", "conversations", "records"), strict=True):
            total = len(
                getattr(sandbox.workspace, stream.replace("conversation_parts", "conversations"))
            )
            assert f"{stream}: {total} of about {total} {unit}, " in log


@pytest.mark.parametrize(
    ("told", "wait"),
    [
        ({"Retry-After": "0.2"}, 0.2),
        ({"Retry-After": "1e9"}, MOST_WINDOWS * WINDOW_SECONDS),
        ({"Retry-After": "inf"}, WINDOW_SECONDS),
        ({"Retry-After": "-5"}, 0.05),
        ({"Retry-After": "Thu, 01 Jan 1970 00:16:47 GMT"}, 7.0),
        ({"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}, MOST_WINDOWS * WINDOW_SECONDS),
        ({"Retry-After": "Wed, 01 Jan 1969 00:00:00 GMT"}, 0.05),
        ({"Retry-After": "soon"}, WINDOW_SECONDS),
        ({"X-RateLimit-Reset": "1007"}, 7.0),
        ({"X-RateLimit-Reset": "999"}, 0.05),
        ({"X-RateLimit-Reset": "1e9"}, WINDOW_SECONDS),
        ({"X-RateLimit-Reset": "1970-01-01T00:16:47Z"}, 7.0),
        ({"X-RateLimit-Reset": "soon"}, WINDOW_SECONDS),
        ({"X-RateLimit-Reset": "1007", "Retry-After": "0.2"}, 0.2),
        ({}, WINDOW_SECONDS),
    ],
)
def test_a_429_tells_how_long_to_wait_or_a_window_is_waited(
    told: dict[str, str], wait: float
) -> None:
    assert Pacer(4, Clock()).back_off(told) == wait


def test_a_429_holds_everybody_back() -> None:
    """Though no other header tells that the window is used up."""
    pacer = Pacer(4, ServerClock())
    began = time.monotonic()
    pacer.back_off({"Retry-After": "0.2"})
    with pacer:
        assert time.monotonic() - began >= 0.2
