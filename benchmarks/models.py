"""Models over a large support desk, and again after a thousand conversations changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.harness import project
from benchmarks.result import Result
from benchmarks.support import MODELS, change, fill

CONVERSATIONS, CHANGED = 300_000, 1_000
SECONDS, LIMIT_MB = 40.0, 2000.0


def run() -> Iterator[Result]:
    """Yields the results. Dagster's own start, some six seconds, is not in them."""
    # Nobody is asked: the tables are there already.
    with project("http://127.0.0.1:9") as ours:
        del ours.environment["INTERCOM_MODELS"]
        fill(ours.database, CONVERSATIONS)
        what = f"models of {CONVERSATIONS:,} conversations of ten parts"
        peak = ours.materialize(*MODELS).peak_mb
        yield Result(what, _seconds(ours.facts), SECONDS, "s")
        yield Result(f"{what}: peak", peak, LIMIT_MB, "MB")
        change(ours.database, CHANGED)
        ours.materialize(*MODELS)
        yield Result(f"{what}, {CHANGED:,} of them changed", _seconds(ours.facts), SECONDS / 4, "s")


def _seconds(facts: Callable[[str], dict[str, Any]]) -> float:
    # They hold the database in turn.
    return sum(float(facts(model)["intercom/seconds"]) for model in MODELS)
