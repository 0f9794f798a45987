"""Every default stream, at 100 ms an answer: a whole command, and one that finds no news."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import intercom, project
from benchmarks.latency import WORKSPACE
from benchmarks.result import Result
from intercom_assets.streams.selection import choose

# A run that finds nothing new asks these once.
ASKED_ONCE = (
    "/contacts/search",
    "/conversations/search",
    "/tickets/search",
    "/conversations/deleted",
    "/macros",
    "/articles",
    "/admins/activity_logs",
)


def run() -> Iterator[Result]:
    """Yields the results."""
    with intercom(**WORKSPACE, latency=0.1) as server, project(server.url) as ours:
        whole = ours.materialize().seconds
        yield Result(f"all {len(choose('default'))} default streams, 100 ms", whole, 15.0, "s")
        server.reset()
        again = ours.materialize().seconds
        yield Result("the same, when little is new", again, 15.0, "s")
        calls = server.summary()["paths"]
        for path in ASKED_ONCE:
            yield Result(f"calls of {path}, nothing new", calls.get(path, 0), 1, "")
