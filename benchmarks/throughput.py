"""No latency, no limit: what our own work costs, from socket to committed table."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import intercom, project
from benchmarks.result import Result


def run() -> Iterator[Result]:
    """Yields the results."""
    with (
        intercom(contacts=20_000, companies=100, conversations=4_000) as server,
        project(server.url) as ours,
    ):
        ours.materialize("contacts")
        facts = ours.facts("contacts")
        rate = facts["dagster/row_count"] / facts["intercom/seconds"]
        lists = facts.get("intercom/lists completed", 0)
        yield Result(
            f"contacts, {lists:,} cut lists completed among 20,000", rate, 8_000, "/s", True
        )
        ours.materialize("conversations", "conversation_parts")
        seconds = ours.facts("conversation_parts")["intercom/seconds"]
        yield Result("conversations with all their parts", 4_000 / seconds, 400, "/s", True)
