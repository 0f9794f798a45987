"""A run that finds nothing new: as few calls as Intercom permits."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.harness import intercom, project
from benchmarks.result import Result
from intercom_assets.streams import STREAMS

# The calls that one run cannot do without; every first stream of a process also asks /me once.
FEWEST = {
    "admin_list": 1,
    "tags": 1,
    "teams": 1,
    "segments": 1,
    "company_segments": 1,
    "contact_attributes": 1,
    "company_attributes": 1,
    "conversations": 1,
    "contacts": 1,
    "conversation_parts": 0,
}


def run() -> Iterator[Result]:
    """Yields the results."""
    with (
        intercom(contacts=20_000, companies=450, conversations=2_000, quiet_for=3_600) as server,
        project(server.url) as ours,
    ):
        ours.materialize()
        server.reset()
        ours.materialize()
        for stream in STREAMS:
            facts = ours.facts(stream)
            if stream in FEWEST:
                # /me is asked by whichever stream is the first.
                calls = facts["intercom/calls"] - (stream == "admin_list")
                yield Result(f"calls of {stream}", calls, max(FEWEST[stream], 1), "")
            if stream in ("conversations", "contacts"):
                yield Result(f"seconds of {stream}", facts["intercom/seconds"], 1.0, "s")
        total = server.summary()["paths"]
        admins, scroll = total.get("/admins/{id}", 0), total["/companies/scroll"]
        yield Result("calls of companies, for 450 of them in pages of 100", scroll, 6, "")
        admins_known = ours.facts("admins")["dagster/row_count"]
        yield Result(f"calls of admins, for {admins_known} of them", admins, admins_known, "")
