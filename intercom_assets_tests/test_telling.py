"""What a run says while it works: in its own event log, with the asset's key, and on stderr."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg
import pytest

from intercom_assets.assets import build_intercom_assets
from intercom_assets.client.waits import Waits
from intercom_assets.resources import _client
from intercom_assets.sandbox import Sandbox
from intercom_assets.sandbox.faults import Fault
from intercom_assets_tests.conftest import Project

SUMMARY = re.compile(
    r"^(\S+): ([\d,]+) read: ([\d,]+) new, ([\d,]+) changed, ([\d,]+) unchanged, [\d,]+ gone; "
    r"([\d,]+) calls, [\d.]+ s(.*)$"
)


def run(project: Project, *streams: str, key_prefix: str = "") -> list[tuple[int, str]]:
    """The levels and lines of one run's log, without Dagster's own events."""
    result = dg.materialize(
        build_intercom_assets(streams, max_retries=0, checks=False, key_prefix=key_prefix),
        instance=project.instance,
        resources=project.resources(),
    )
    return [
        (entry.level, entry.user_message)
        for entry in project.instance.all_logs(result.run_id)
        if entry.dagster_event is None
    ]


@pytest.mark.long
def test_a_run_ends_with_a_line_a_stream_that_says_what_it_brought(
    sandbox: Sandbox, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    run(project, "contacts", "tags", key_prefix="eu")
    sandbox.workspace.update("contacts", next(iter(sandbox.workspace.contacts)), name="Else")
    sandbox.workspace.create("contacts")
    capfd.readouterr()
    lines = run(project, "contacts", "tags", key_prefix="eu")
    found = {match[1]: match for level, line in lines if (match := SUMMARY.match(line))}
    assert {level for level, line in lines if SUMMARY.match(line)} == {logging.INFO}
    assert found["eu/contacts"].group(3, 4) == ("1", "1")
    assert int(found["eu/contacts"][5]) + 2 == int(found["eu/contacts"][2])
    assert re.search(r"; bookmark \d{4}-\d\d-\d\dT[\d:.]+Z$", found["eu/contacts"][7])
    assert found["eu/tags"].group(2, 3, 4) == (found["eu/tags"][5], "0", "0")
    assert "bookmark" not in found["eu/tags"][7]
    on_stderr = capfd.readouterr().err
    assert found["eu/contacts"][0] in on_stderr and found["eu/tags"][0] in on_stderr


@pytest.mark.long
def test_what_is_repeated_and_waited_for_is_told_in_the_runs_log(
    sandbox: Sandbox, project: Project
) -> None:
    """The requests for conversations are made by threads of their own."""
    run(project, "conversations")
    sandbox.faults.append(Fault("status", match=r"/conversations/\d", status=503, times=1))
    sandbox.faults.append(Fault("status", status=429, match=r"/conversations/\d", after=3, times=1))
    lines = [line for _, line in run(project, "conversation_parts", key_prefix="eu")]
    repeated = [line for line in lines if "trying again" in line]
    waited = [line for line in lines if "rate limited" in line]
    assert len(repeated) == 1 and len(waited) == 1, lines
    assert all(line.startswith("eu/conversation_parts: ") for line in repeated + waited)


def test_two_workspaces_in_one_process_keep_their_lines_apart(
    make_project: Callable[..., Project],
) -> None:
    """Each asks for its stream only once the other one is about to do so as well."""
    both = threading.Barrier(2)
    tiny = {"contacts": 5, "companies": 2, "conversations": 3}

    def wait_for_the_other(request: Any) -> None:
        if request.path in ("/tags", "/teams") and not both.broken:
            both.wait(60)

    _client.cache_clear()
    with Sandbox(**tiny) as eu, Sandbox(**tiny) as us, ThreadPoolExecutor(2) as pool:
        runs = []
        for sandbox, prefix, stream in ((eu, "eu", "tags"), (us, "us", "teams")):
            sandbox.faults.append(Fault("status", match=f"/{stream}", status=503, times=1))
            sandbox.on_request = wait_for_the_other
            project = make_project(sandbox, f"{prefix}.duckdb")
            runs.append(pool.submit(run, project, stream, key_prefix=prefix))
        told = [[line for _, line in found.result()] for found in runs]
    for lines, key in zip(told, ("eu/tags", "us/teams"), strict=True):
        assert sum("trying again" in line for line in lines) == 1
        assert {line.split(": ")[0] for line in lines} == {key}
    assert not logging.getLogger("intercom_assets").handlers


def test_many_threads_that_wait_for_the_rate_limit_say_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "intercom_assets")
    waits = Waits()
    for _ in range(3):
        waits.refused("GET /tags", 60.0)
        waits.waited(9.0)
        waits.waited(0.1)
    waits.refused("GET /tags", 0.0)
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "GET /tags: rate limited",
        "waited 9.0 s for the rate limit",
    ]
    Waits().waited(9.0)
    assert len(caplog.records) == 3, "another stream tells of its own waits"


@pytest.mark.long
def test_every_event_of_a_table_has_the_same_numbers(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that lacks a number leaves a gap in Dagster's plot of it."""
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    monkeypatch.setattr("intercom_assets.writer.OBSERVATION_SECONDS", 0.0)
    project.settings["page_size"] = 5
    for _ in range(2):
        project.run("conversations", "conversation_parts")
        for stream in ("conversations", "conversation_parts"):
            key = dg.AssetKey(stream)
            events = [
                *project.instance.fetch_materializations(key, limit=9).records,
                *project.instance.fetch_observations(key, limit=99).records,
            ]
            numbers = {numbers_of(event) for event in events if bookmark_of(event) > "1971"}
            assert len(events) > 2 and len(numbers) == 1, numbers
            [names] = numbers
            assert all(re.fullmatch(r"(intercom|dagster)/[a-z_]+", name) for name in names)


def numbers_of(record: dg.EventLogRecord) -> frozenset[str]:
    event = record.asset_materialization or record.asset_observation
    assert event is not None
    kinds = (dg.IntMetadataValue, dg.FloatMetadataValue)
    return frozenset(name for name, value in event.metadata.items() if isinstance(value, kinds))


def bookmark_of(record: dg.EventLogRecord) -> str:
    event = record.asset_materialization or record.asset_observation
    assert event is not None
    return str(event.metadata["intercom/bookmark"].value)
