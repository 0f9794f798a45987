"""Ten thousand conversations under a rate limit: the limit is all that should be felt.

The commands are started so that their first calls come early in a window. What a window allows is
counted whole from the first call on, and nobody can use up the last second of one.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import requests

from benchmarks.harness import TOKEN, Intercom, Project, intercom, project
from benchmarks.result import Result

WINDOW = 10.0
# Less than Dagster takes to start: better late in the first second of a window than before it.
START_SECONDS = 1.0
STREAMS = ("conversations", "conversation_parts")


def run(conversations: int = 10_000) -> Iterator[Result]:
    """Yields the results."""
    for limit in (1_666, 166):
        with _server(conversations, limit) as server, project(server.url) as alone:
            _await_window()
            alone.materialize(*STREAMS)
            yield from _judge(server, limit, f"{conversations:,} conversations, {limit} per 10 s")
    with _server(conversations // 4, 1_666) as server:
        _four(server)
        yield from _judge(server, 1_666, "the same by four processes, 1,666 per 10 s")
    with _server(conversations, 1_666) as server, project(server.url) as ours:
        yield from _shared(server, ours)


def _server(conversations: int, limit: int) -> AbstractContextManager[Intercom]:
    return intercom(
        contacts=100, companies=10, conversations=conversations, latency=0.2, limit=limit
    )


def _four(server: Intercom) -> None:
    """Four projects with one token, each of which reads everything."""
    with (
        project(server.url) as a,
        project(server.url) as b,
        project(server.url) as c,
        project(server.url) as d,
    ):
        projects = (a, b, c, d)
        _await_window(len(projects))
        for command in [each.start(*STREAMS) for each in projects]:
            command.wait()


def _await_window(commands: int = 1) -> None:
    """Waits until what is started now makes its first call when a window has just begun.

    Args:
        commands: How many are started at once, which keeps more of them from a core of their own.
    """
    start = START_SECONDS * max(1.0, commands / (os.cpu_count() or 1))
    time.sleep((-start - time.time()) % WINDOW)


def _judge(server: Intercom, limit: int, what: str) -> Iterator[Result]:
    summary = server.summary()
    refused = summary["statuses"].get("429", 0)
    served = summary["total"] - refused
    took = summary["last_at"] - summary["first_at"]
    yield Result(f"{what}: first to last request", took, 1.10 * _allowed(summary, limit), "s")
    yield Result(f"{what}: answered 429", 100 * refused / served, 1.0, "%")


def _allowed(summary: dict[str, Any], limit: int) -> float:
    """Seconds until the limit admits the last call, the first one being made when it was."""
    served = summary["total"] - summary["statuses"].get("429", 0)
    windows = math.ceil(served / limit) - 1
    return windows * WINDOW - summary["first_at"] % WINDOW


def _shared(server: Intercom, ours: Project) -> Iterator[Result]:
    """Another client takes half of the quota, evenly, while we read."""
    stop, other = threading.Event(), [0, 0]
    thread = threading.Thread(target=_other, args=(server.url, 83.3, stop, other), daemon=True)
    thread.start()
    _await_window()
    ours.materialize(*STREAMS)
    stop.set()
    thread.join()
    summary = server.summary()
    theirs, their_refused = other
    calls = summary["total"] - theirs
    took = summary["last_at"] - summary["first_at"]
    refused = summary["statuses"].get("429", 0) - their_refused
    what = "half of the quota used by another"
    yield Result(f"{what}: our calls a second", calls / took, 75, "/s", True)
    yield Result(f"{what}: ours answered 429", 100 * refused / calls, 1, "%")
    yield Result(f"{what}: theirs answered 429", 100 * their_refused / theirs, 5, "%")


def _other(url: str, rate: float, stop: threading.Event, counts: list[int]) -> None:
    session = requests.Session()
    session.headers.update(
        {
            "Authorization": f"Bearer {TOKEN}",
            "Accept": "application/json",
            "Intercom-Version": "2.16",
        }
    )
    lock = threading.Lock()
    began = time.monotonic()

    def call() -> None:
        status = session.get(f"{url}/me", timeout=30).status_code
        with lock:
            counts[1] += status == 429

    while not stop.is_set():
        due = int((time.monotonic() - began) * rate)
        for _ in range(due - counts[0]):
            counts[0] += 1
            threading.Thread(target=call, daemon=True).start()
        time.sleep(0.02)
