"""A first sync of a long history: the chain of cursors must not be the bottleneck."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import intercom, project
from benchmarks.result import Result

PAGE = 150


def run() -> Iterator[Result]:
    """Yields the results."""
    for stream, records in (("conversations", 15_000), ("contacts", 15_000)):
        sizes = {"contacts": 100, "companies": 10, "conversations": 100, stream: records}
        with intercom(**sizes, latency=0.2) as server, project(server.url) as ours:
            ours.materialize(stream)
            seconds = ours.facts(stream)["intercom/seconds"]
        chain = records / PAGE * 0.2
        yield Result(
            f"{records:,} {stream} at 200 ms, against their pages one after the other",
            seconds / chain,
            0.5,
            "times",
        )
