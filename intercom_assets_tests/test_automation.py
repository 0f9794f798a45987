"""Schedule, sensor and automation conditions."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from intercom_assets import IntercomStreamProps, IntercomTranslator, resources, sensors
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets.streams.newest import is_watched
from intercom_assets_tests.test_definitions import run, workspace


def tick(defs: dg.Definitions, instance: dg.DagsterInstance, cursor: str | None) -> Any:
    """One evaluation of the sensor."""
    repository = defs.get_repository_def()
    with dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        repository_def=repository,
        resources={"intercom": defs.resources["intercom"]},
    ) as context:
        return repository.get_sensor_def("intercom_changes").evaluate_tick(context)


def selected(result: Any) -> set[str]:
    [request] = result.run_requests
    return {key.to_user_string() for key in request.asset_selection}


def test_everything_ships_stopped(sandbox: Sandbox, tmp_path: Path) -> None:
    repository = workspace(sandbox, tmp_path / "w.duckdb").get_repository_def()
    assert {schedule.default_status.value for schedule in repository.schedule_defs} == {"STOPPED"}
    assert {sensor.default_status.value for sensor in repository.sensor_defs} == {"STOPPED"}
    crons = {schedule.name: schedule.cron_schedule for schedule in repository.schedule_defs}
    assert crons == {
        "intercom_everything_schedule": "0 * * * *",
        "intercom_sweep_schedule": "0 3 * * 0",
    }


LISTS = ("articles", "macros")
WATCHED = {stream for stream in STREAMS.values() if stream.default and is_watched(stream)}
# With what is read for their rows, or stands in them.
CHANGES = {
    name for name, stream in STREAMS.items() if stream.default and {stream, stream.parent} & WATCHED
}


def test_what_may_change_at_any_moment_is_watched() -> None:
    talks = {"conversations", "conversation_parts", "tickets", "ticket_parts"}
    assert {"contacts", *talks, *LISTS} <= CHANGES
    assert not {"companies", "tags", "activity_logs"} & CHANGES


def load(defs: dg.Definitions, instance: dg.DagsterInstance, *streams: str) -> bool:
    """A run without any tag, as somebody starts one by mouse or in a terminal."""
    job = defs.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey.from_user_string(stream) for stream in streams]
    done = job.execute_in_process(instance=instance, asset_selection=keys, raise_on_error=False)
    return done.success


@pytest.mark.long
def test_the_sensor_runs_only_what_changed_and_has_not_landed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    with dg.instance_for_test() as instance:
        first = tick(defs, instance, None)
        assert selected(first) == CHANGES
        sandbox.workspace.clock.advance(60)
        assert load(defs, instance, *CHANGES)
        sandbox.reset_log()
        second = tick(defs, instance, first.cursor)
        assert second.skip_message == "nothing changed"
        assert not second.run_requests
        assert len(sandbox.requests) == len(WATCHED), "one small request a stream"
        searches = [request for request in sandbox.requests if request.method == "POST"]
        assert {request.body["pagination"]["per_page"] for request in searches} == {1}
        sandbox.workspace.clock.advance(60)
        sandbox.workspace.update("contacts", next(iter(sandbox.workspace.contacts)), name="New")
        third = tick(defs, instance, second.cursor)
        assert selected(third) == {"contacts"}
        assert third.run_requests[0].run_key != first.run_requests[0].run_key


@pytest.mark.long
@pytest.mark.parametrize("stream", ["tickets", *LISTS])
def test_the_sensor_sees_a_change_of_what_is_not_searched_as_well(
    sandbox: Sandbox, tmp_path: Path, stream: str
) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb", streams=[stream])
    with dg.instance_for_test() as instance:
        first = tick(defs, instance, None)
        sandbox.workspace.clock.advance(60)
        assert load(defs, instance, *selected(first))
        second = tick(defs, instance, first.cursor)
        assert second.skip_message == "nothing changed"
        sandbox.workspace.clock.advance(60)
        sandbox.workspace.change(6)
        third = tick(defs, instance, second.cursor)
        assert stream in selected(third)
        sandbox.workspace.clock.advance(60)
        for _ in range(2):  # the first answer tells how late it has become
            assert load(defs, instance, *selected(third))
        assert tick(defs, instance, third.cursor).skip_message == "nothing changed"


@pytest.mark.slow
def test_what_has_not_landed_is_asked_for_again_and_ever_more_seldom(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    asked, cursor, now = [], None, 1_000_000.0
    with dg.instance_for_test() as instance:
        for _ in range(120):  # four hours of ticks, and each run is killed
            monkeypatch.setattr(sensors, "time", SimpleNamespace(time=lambda now=now: now))
            result = tick(defs, instance, cursor)
            cursor = result.cursor
            if result.run_requests:
                asked.append((now, result.run_requests[0].run_key))
            else:
                assert "asked again later" in result.skip_message
            now += 120
        waits = [round(b - a) for (a, _), (b, _) in pairwise(asked)]
        assert waits[:5] == [120, 120, 360, 840, 1800]
        assert set(waits[5:]) == {3600}
        assert len({key for _, key in asked}) == len(asked), "or Dagster starts no run"
        sandbox.workspace.clock.advance(60)
        assert load(defs, instance, *CHANGES)
        assert tick(defs, instance, cursor).skip_message == "nothing changed"


@pytest.mark.long
def test_parts_that_are_missing_are_asked_for(sandbox: Sandbox, tmp_path: Path) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    with dg.instance_for_test() as instance:
        sandbox.workspace.clock.advance(60)
        assert load(defs, instance, *CHANGES - {"conversation_parts"})
        assert selected(tick(defs, instance, None)) == {"conversations", "conversation_parts"}


@pytest.mark.slow
def test_what_shows_up_late_behind_the_bookmark_is_asked_for_until_a_run_has_read_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    contact = next(iter(sandbox.workspace.contacts))
    with dg.instance_for_test() as instance:
        sandbox.workspace.clock.advance(60)
        sandbox.workspace.update("contacts", contact, name="Changed while a run reads")
        changed = sandbox.workspace.contacts[contact]["updated_at"]
        sandbox.workspace.contacts[contact]["updated_at"] = changed - 120
        sandbox.workspace.clock.advance(60)
        assert load(defs, instance, *CHANGES)
        cursor = tick(defs, instance, None).cursor
        sandbox.workspace.update("contacts", contact, updated_at=changed)
        for _ in range(2):
            late = tick(defs, instance, cursor)
            assert selected(late) == {"contacts"}
            cursor = late.cursor
        sandbox.workspace.clock.advance(60)
        assert load(defs, instance, *CHANGES)
        assert tick(defs, instance, cursor).skip_message == "nothing changed"


@pytest.mark.long
@pytest.mark.parametrize(
    "tags", [{"intercom/workspace": "intercom"}, {}], ids=["by a job", "by mouse"]
)
def test_no_second_run_while_one_is_under_way(
    sandbox: Sandbox, tmp_path: Path, tags: dict[str, str]
) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    with dg.instance_for_test() as instance:
        instance.create_run_for_job(
            defs.resolve_implicit_global_asset_job_def().get_subset(
                asset_selection={dg.AssetKey("tags")}
            ),
            status=dg.DagsterRunStatus.STARTED,
            asset_selection=frozenset({dg.AssetKey("tags")}),
            tags=tags,
        )
        skipped = tick(defs, instance, None)
        assert "under way" in str(skipped.skip_message)
        assert not sandbox.requests


@pytest.mark.long
@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=500),
        Fault("status", status=429),
        Fault("stall", seconds=60),
        Fault("reset"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status or ''}",
)
def test_an_intercom_that_is_down_is_asked_later_and_within_seconds(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(resources, "HASTY_TIMEOUT_SECONDS", 0.3)
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    sandbox.faults.append(fault)
    with dg.instance_for_test() as instance:
        began = time.monotonic()
        skipped = tick(defs, instance, None)
        assert "does not answer" in str(skipped.skip_message)
        assert time.monotonic() - began < 15, "Dagster gives a sensor a minute"
        assert len(sandbox.requests) == 2


@pytest.mark.long
def test_a_stream_that_may_not_be_read_does_not_hide_the_others(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    sandbox.missing_scopes = {"/contacts/search": 403}
    with dg.instance_for_test() as instance:
        assert selected(tick(defs, instance, None)) == CHANGES - {"contacts"}


@pytest.mark.long
def test_the_sensor_follows_a_translator(sandbox: Sandbox, tmp_path: Path) -> None:
    class Ours(IntercomTranslator):
        def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
            return super().get_asset_spec(stream).replace_attributes(key=[stream.name, "raw"])

    defs = workspace(sandbox, tmp_path / "w.duckdb", translator=Ours())
    with dg.instance_for_test() as instance:
        first = tick(defs, instance, None)
        expected = {f"{name}/raw" for name in CHANGES}
        assert selected(first) == expected
        sandbox.workspace.clock.advance(60)
        assert load(defs, instance, *expected)
        assert tick(defs, instance, first.cursor).skip_message == "nothing changed"


@pytest.mark.long
def test_parts_follow_conversations(sandbox: Sandbox, tmp_path: Path) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    parts = dg.AssetKey("conversation_parts")
    with dg.instance_for_test() as instance:
        run(defs, "intercom_support", instance)
        before = dg.evaluate_automation_conditions(defs, instance)
        alone = [dg.AssetKey("conversations")]
        defs.resolve_implicit_global_asset_job_def().get_subset(
            asset_selection=set(alone)
        ).execute_in_process(instance=instance)
        after = dg.evaluate_automation_conditions(defs, instance, cursor=before.cursor)
        assert before.get_num_requested(parts) == 0
        assert after.get_num_requested(parts) == 1
        assert after.get_num_requested(dg.AssetKey("admins")) == 0
