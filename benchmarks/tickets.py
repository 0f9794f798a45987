"""Tickets and their parts, which come in one search and land in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import intercom, project
from benchmarks.memory import LIMIT_MB
from benchmarks.result import Result

TICKETS, PARTS = 100_000, 5


def run() -> Iterator[Result]:
    """Yields the results."""
    with (
        intercom(
            contacts=1_000,
            companies=10,
            conversations=10,
            tickets=TICKETS,
            parts_per_ticket=PARTS,
            long_tickets=0,
        ) as server,
        project(server.url) as ours,
    ):
        peak = ours.materialize("tickets", "ticket_parts").peak_mb
        facts = ours.facts("tickets")
        parts = ours.facts("ticket_parts")["dagster/row_count"]
    what = f"tickets, with {parts:,} parts, no latency"
    yield Result(what, facts["dagster/row_count"] / facts["intercom/seconds"], 4_000, "/s", True)
    yield Result("the same, memory", peak, LIMIT_MB, "MB")
