"""A sweep of many contacts: its memory, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import intercom, project
from benchmarks.memory import LIMIT_MB
from benchmarks.result import Result

CONTACTS, A_PAGE = 200_000, 150


def run() -> Iterator[Result]:
    """Yields the results."""
    with (
        intercom(contacts=CONTACTS, companies=100, conversations=100) as server,
        project(server.url) as ours,
    ):
        ours.materialize("contacts")
        swept = ours.sweep("contacts")
        calls = ours.facts("contacts")["intercom/calls"]
        yield Result(f"a sweep of {CONTACTS:,} contacts", swept.peak_mb, LIMIT_MB, "MB")
        yield Result("the same", swept.seconds, 120, "s")
        # Windows that are read side by side overlap by the days that Intercom's search misses.
        yield Result("its calls for each page of contacts", calls * A_PAGE / CONTACTS, 1.5, "times")
