"""Peak resident memory of the run's process tree: it must not follow the amount of data."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.growth import inflate
from benchmarks.harness import intercom, project
from benchmarks.result import Result

LIMIT_MB = 400.0


def run() -> Iterator[Result]:
    """Yields the results."""
    # With latency as many pages and threads are under way as there may.
    for latency, name in ((0.0, "no latency"), (0.1, "100 ms")):
        few, many = (_contacts(count, latency) for count in (20_000, 200_000))
        yield Result(f"20,000 contacts at {name}", few, LIMIT_MB, "MB")
        what = f"200,000 contacts ({many:.0f} MB) against 20,000, at {name}"
        yield Result(what, many / few, 1.2, "times")
    with (
        intercom(contacts=100, companies=10, conversations=400, long=300, latency=0.1) as server,
        project(server.url) as ours,
    ):
        peak = ours.materialize("conversations", "conversation_parts").peak_mb
        yield Result("300 conversations of 500 parts at 100 ms", peak, LIMIT_MB, "MB")
    with (
        intercom(contacts=20_000, companies=100, conversations=100) as server,
        project(server.url) as ours,
    ):
        ours.materialize("contacts")
        inflate(ours, 5_000_000, 10_000)
        peak = ours.materialize("contacts").peak_mb
        yield Result("10,000 changed contacts, 5,000,000 rows in the table", peak, LIMIT_MB, "MB")


def _contacts(count: int, latency: float) -> float:
    """The peak of a first sync in MB."""
    with (
        intercom(contacts=count, companies=100, conversations=100, latency=latency) as server,
        project(server.url) as ours,
    ):
        return ours.materialize("contacts").peak_mb
