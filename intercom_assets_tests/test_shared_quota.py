"""Runs of one workspace on two machines share its rate limit, by what headers say."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.processes import forker, job_of
from intercom_assets_tests.truth import differences
from intercom_assets_tests.warehouses import database_of

STREAMS = ("conversations", "conversation_parts")
LIMIT, WINDOW = 100, 2.0


@pytest.mark.slow
def test_two_machines_share_a_limit_and_few_calls_are_refused(tmp_path: Path) -> None:
    """They have neither a folder for locks in common nor a database, only Intercom's headers."""
    with (
        Sandbox(contacts=20, companies=3, conversations=400, limit=LIMIT, window=WINDOW) as sandbox,
        ExitStack() as stack,
    ):
        homes = [tmp_path / name for name in ("east", "west")]
        for home in homes:
            home.mkdir()
        machines = [stack.enter_context(forker(home)) for home in homes]
        at_once = [
            machine.start(job_of(sandbox, home, *STREAMS, commit_rows=500))
            for machine, home in zip(machines, homes, strict=True)
        ]
        ended = [run.wait(180) for run in at_once]
        assert [end.errors for end in ended] == ["", ""]
        statuses = Counter(request.status for request in sandbox.requests)
        served = sum(count for status, count in statuses.items() if status != 429)
        seconds = sandbox.requests[-1].at - sandbox.requests[0].at
        print(f"{served} served, {statuses[429]} refused, {seconds:.1f} s")
        assert statuses[429] <= 0.05 * served, statuses
        # Each window but the first is used as well.
        assert served >= 800 and seconds < 2 * served / LIMIT * WINDOW
        for home in homes:
            for stream in STREAMS:
                assert differences(database_of(home), sandbox.workspace, stream) == []
