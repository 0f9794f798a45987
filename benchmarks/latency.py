"""A small workspace at 100 ms an answer: waiting is all there is to save."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.core import CORE
from benchmarks.harness import intercom, project
from benchmarks.result import Result

WORKSPACE = {"contacts": 3_000, "companies": 450, "conversations": 1_000}


def run() -> Iterator[Result]:
    """Yields the results."""
    with intercom(**WORKSPACE, latency=0.1) as server:
        with project(server.url) as empty:
            nothing = empty.materialize(module="benchmarks.empty").seconds
        with project(server.url) as everything:
            whole = everything.materialize(*CORE).seconds
            parts = everything.facts("conversation_parts")["dagster/row_count"]
        with project(server.url) as two:
            beyond = two.materialize("conversations", "conversation_parts").seconds - nothing
    workload = f"3,000 contacts, 450 companies, 1,000 conversations with {parts:,} parts, 100 ms"
    yield Result(f"{workload}: the whole command", whole, max(12.0, nothing + 5), "s")
    yield Result("conversations and parts alone, beyond twelve empty assets", beyond, 6.0, "s")
