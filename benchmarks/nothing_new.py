"""A run that finds nothing new: as few calls as Intercom permits."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.core import CORE
from benchmarks.harness import intercom, project
from benchmarks.result import Result

# The calls that one run cannot do without. Admins need the list of them too, so it is read twice.
FEWEST = {
    "/me": 1,
    "/admins": 2,
    "/tags": 1,
    "/teams": 1,
    "/segments": 2,
    "/data_attributes": 2,
    "/conversations/search": 1,
    "/contacts/search": 1,
    "/conversations/{id}": 0,
}


def run() -> Iterator[Result]:
    """Yields the results."""
    with (
        intercom(contacts=20_000, companies=450, conversations=2_000, quiet_for=3_600) as server,
        project(server.url) as ours,
    ):
        ours.materialize(*CORE)
        # Companies are read whole, so that each run completes the lists that Intercom cuts.
        cut = server.summary()["paths"].get("/companies/{id}/notes", 0)
        server.reset()
        ours.materialize(*CORE)
        for stream in ("conversations", "contacts"):
            seconds = ours.facts(stream)["intercom/seconds"]
            yield Result(f"seconds of {stream}", seconds, 1.0, "s")
        admins = ours.facts("admins")["dagster/row_count"]
        # Companies come in pages of 100, and only an empty one is the end of them.
        fewest = {
            **FEWEST,
            "/admins/{id}": admins,
            "/companies/scroll": 6,
            "/companies/{id}/notes": cut,
        }
        calls = server.summary()["paths"]
        for path in sorted({*calls, *fewest}):
            yield Result(f"calls of {path}", calls.get(path, 0), fewest.get(path, 0), "")
