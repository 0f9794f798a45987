"""Schedule, sensor and automation conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from intercom_assets import IntercomStreamProps, IntercomTranslator
from intercom_assets.sandbox import Fault, Sandbox
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
    assert [schedule.default_status.value for schedule in repository.schedule_defs] == ["STOPPED"]
    assert {sensor.default_status.value for sensor in repository.sensor_defs} == {"STOPPED"}
    assert repository.schedule_defs[0].cron_schedule == "0 * * * *"


def test_the_sensor_runs_only_what_changed(sandbox: Sandbox, tmp_path: Path) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    with dg.instance_for_test() as instance:
        first = tick(defs, instance, None)
        assert selected(first) == {"contacts", "conversations", "conversation_parts"}
        sandbox.reset_log()
        second = tick(defs, instance, first.cursor)
        assert second.skip_message == "nothing changed"
        assert not second.run_requests
        assert len(sandbox.requests) == 2, "one small request a stream"
        assert {request.body["pagination"]["per_page"] for request in sandbox.requests} == {1}
        sandbox.workspace.clock.advance(60)
        sandbox.workspace.update("contacts", next(iter(sandbox.workspace.contacts)), name="New")
        third = tick(defs, instance, first.cursor)
        assert selected(third) == {"contacts"}
        assert third.run_requests[0].run_key != first.run_requests[0].run_key


def test_the_sensor_follows_a_translator(sandbox: Sandbox, tmp_path: Path) -> None:
    class Ours(IntercomTranslator):
        def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
            return super().get_asset_spec(stream).replace_attributes(key=[stream.name, "raw"])

    defs = workspace(sandbox, tmp_path / "w.duckdb", translator=Ours())
    with dg.instance_for_test() as instance:
        first = tick(defs, instance, None)
        expected = {"contacts/raw", "conversations/raw", "conversation_parts/raw"}
        assert selected(first) == expected
        assert tick(defs, instance, first.cursor).skip_message == "nothing changed"


def test_no_second_run_while_one_is_under_way(sandbox: Sandbox, tmp_path: Path) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    with dg.instance_for_test() as instance:
        instance.create_run_for_job(
            defs.resolve_job_def("intercom_everything"),
            status=dg.DagsterRunStatus.STARTED,
            tags={"intercom/workspace": "intercom"},
        )
        skipped = tick(defs, instance, None)
        assert "under way" in str(skipped.skip_message)
        assert not sandbox.requests


def test_an_intercom_that_is_down_is_asked_later(sandbox: Sandbox, tmp_path: Path) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb")
    sandbox.faults.append(Fault("status", status=503))
    with dg.instance_for_test() as instance:
        assert "does not answer" in str(tick(defs, instance, None).skip_message)


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
