"""Definitions, jobs and several workspaces, run for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from intercom_assets import (
    IntercomResource,
    IntercomStreamProps,
    IntercomTranslator,
    WarehouseResource,
    __version__,
    build_intercom_assets,
    build_intercom_definitions,
)
from intercom_assets import (
    defs as own_location,
)
from intercom_assets.executor import threads_executor
from intercom_assets.extraction import Extraction
from intercom_assets.resources import _client
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets_tests.truth import differences


def resource_of(sandbox: Sandbox) -> IntercomResource:
    _client.cache_clear()
    return IntercomResource(
        access_token=sandbox.token, base_url=sandbox.url, retry_wait=0.01, region="us"
    )


def workspace(sandbox: Sandbox, database: Path | None, **options: Any) -> dg.Definitions:
    """The definitions of one workspace."""
    resource = resource_of(sandbox)
    options = {"io_manager": {"charts": False}, "models": False, **options}
    return build_intercom_definitions(resource, database and str(database), **options)


def run(
    defs: dg.Definitions, job: str, instance: dg.DagsterInstance, **options: Any
) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(instance=instance, **options)


# Dagster's own snapshots read what Dagster deprecates.
@pytest.mark.filterwarnings("ignore:Property .ScheduleDefinition.environment_vars. is deprecated")
def test_a_token_given_as_it_is_is_in_no_snapshot(tmp_path: Path) -> None:
    resource = IntercomResource(access_token="tok-5ec4e7", hash_salt="salt-5ec4e7")
    defs = build_intercom_definitions(resource, str(tmp_path / "w.duckdb"))
    snapshot = dg.serialize_value(RepositorySnap.from_def(defs.get_repository_def()))
    assert "access_token" in snapshot
    assert "5ec4e7" not in snapshot + repr(resource) + str(resource)
    assert resource.client().settings.access_token == "tok-5ec4e7"


def test_dagster_knows_the_version() -> None:
    assert dg.DagsterLibraryRegistry.get()["intercom-assets"] == __version__


@pytest.mark.slow
def test_jobs_sync_everything_support_and_anew(sandbox: Sandbox, tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    defs = workspace(sandbox, database)
    with dg.instance_for_test() as instance:
        support = run(defs, "intercom_support", instance)
        synced = {event.asset_key.to_user_string() for event in materializations(support)}
        assert {"conversations", "conversation_parts", "teams"} <= synced
        assert "contacts" not in synced
        gone = next(iter(sandbox.workspace.conversations))
        sandbox.workspace.delete("conversations", gone)
        result = run(defs, "intercom_full_refresh", instance)
        assert result.dagster_run.tags["intercom/workspace"] == "intercom"
        for stream in ("contacts", "conversations", "companies"):
            assert differences(database, sandbox.workspace, stream) == []


def materializations(result: dg.ExecuteInProcessResult) -> list[dg.AssetMaterialization]:
    return [
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
    ]


@pytest.mark.long
def test_several_workspaces_live_in_one_code_location(tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    with (
        Sandbox(contacts=12, companies=5, conversations=6, id_code="euro") as europe,
        Sandbox(contacts=15, companies=6, conversations=7, seed=2, id_code="amer") as america,
        dg.instance_for_test() as instance,
    ):
        streams = ["contacts", "conversations", "conversation_parts"]
        defs = dg.Definitions.merge(
            workspace(europe, database, key_prefix="eu", streams=streams),
            workspace(america, database, key_prefix=["us", "main"], streams=streams),
        )
        dg.Definitions.validate_loadable(defs)
        run(defs, "intercom_eu_everything", instance)
        run(defs, "intercom_us_main_everything", instance)
        for space, schema in ((europe.workspace, "eu"), (america.workspace, "us_main")):
            for stream in streams:
                assert differences(database, space, stream, schema) == []
        key = dg.AssetKey(["us", "main", "conversation_parts"])
        event = instance.get_latest_materialization_event(key)
        assert event is not None and event.asset_materialization is not None
        graph = defs.resolve_asset_graph()
        assert graph.get(key).parent_keys == {dg.AssetKey(["us", "main", "conversations"])}
        assert graph.get(key).pools == {"intercom_api_us_main"}


def test_assets_take_owners_tags_groups_and_schemas() -> None:
    [asset] = build_intercom_assets(
        ["companies"],
        key_prefix=["crm"],
        group_name="crm",
        owners=["team:sales"],
        tags={"tier": "1"},
        schema="raw",
    )
    [spec] = asset.specs
    assert spec.key == dg.AssetKey(["crm", "companies"])
    assert (spec.group_name, list(spec.owners)) == ("crm", ["team:sales"])
    assert spec.tags["tier"] == "1"
    assert spec.metadata["schema"] == "raw"
    assert asset.op.pools == {"intercom_api_crm"}


@pytest.mark.long
def test_an_own_io_manager_gets_the_batches(sandbox: Sandbox) -> None:
    received: list[Any] = []

    class Mine(dg.IOManager):
        def handle_output(self, context: dg.OutputContext, obj: Extraction) -> None:
            for batch in obj.batches():
                received.extend(batch.records)

        def load_input(self, context: dg.InputContext) -> None: ...

    defs = dg.Definitions.merge(
        build_intercom_definitions(
            resource_of(sandbox), streams=["contacts"], io_manager_key="mine", models=False
        ),
        dg.Definitions(resources={"mine": Mine()}),
    )
    with dg.instance_for_test() as instance:
        result = run(defs, "intercom_everything", instance)
    assert {record["id"] for record in received} == set(sandbox.workspace.contacts)
    checks = [check for check in result.get_asset_check_evaluations() if "not looked" in str(check)]
    assert checks and all(check.passed for check in checks)


@pytest.mark.slow
def test_a_fault_that_lasts_is_retried_by_dagster_within_a_bound(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb", streams=["tags"], retry_seconds=0.01)
    with dg.instance_for_test() as instance:
        sandbox.faults.append(Fault("status", status=503, match="/tags"))
        result = run(defs, "intercom_everything", instance, raise_on_error=False)
        assert not result.success
        tries = [event for event in result.all_events if event.event_type_value == "STEP_RESTARTED"]
        assert len(tries) == 2
        sandbox.faults.clear()
        assert run(defs, "intercom_everything", instance).success


def test_a_fault_that_stays_is_not_retried(sandbox: Sandbox, tmp_path: Path) -> None:
    defs = workspace(sandbox, tmp_path / "w.duckdb", streams=["tags"], retry_seconds=0.01)
    sandbox.missing_scopes = {"/tags": 403}
    with dg.instance_for_test() as instance:
        result = run(defs, "intercom_everything", instance, raise_on_error=False)
    assert not [event for event in result.all_events if "RESTARTED" in event.event_type_value]


def executors(defs: dg.Definitions) -> dict[str, str]:
    """The executor of each job, by the job's name."""
    repository = defs.get_repository_def()
    return {job.name: job.executor_def.name for job in repository.get_all_jobs()}


@pytest.mark.slow
def test_without_what_the_executor_stands_on_nothing_but_speed_is_lost(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_threads = workspace(sandbox, tmp_path / "w.duckdb")
    monkeypatch.setitem(sys.modules, "intercom_assets.executor", None)
    database = tmp_path / "w.duckdb"
    without = workspace(sandbox, database)
    names = ("intercom_everything", "intercom_full_refresh", "intercom_support")
    assert {executors(with_threads)[name] for name in names} == {"threads"}
    assert {executors(without)[name] for name in names} == {"in_process"}
    assert set(executors(with_threads)) == set(executors(without))
    with dg.instance_for_test() as instance:
        assert run(without, "intercom_everything", instance).success
    for stream in ("contacts", "conversations", "conversation_parts", "companies", "tags"):
        assert differences(database, sandbox.workspace, stream) == []


def test_a_project_keeps_its_own_executor(sandbox: Sandbox, tmp_path: Path) -> None:
    @dg.asset
    def ours() -> None: ...

    @dg.executor(name="theirs")
    def theirs(_: dg.InitExecutorContext) -> Any: ...

    intercom = workspace(sandbox, tmp_path / "w.duckdb", streams=["tags"])
    job = dg.define_asset_job("ours_only", dg.AssetSelection.assets(ours))
    project = dg.Definitions(assets=[ours], jobs=[job], executor=theirs)
    merged = executors(dg.Definitions.merge(project, intercom))
    assert merged["ours_only"] == "theirs"
    assert merged["intercom_everything"] == "threads"
    without = dg.Definitions.merge(dg.Definitions(assets=[ours], jobs=[job]), intercom)
    assert executors(without)["ours_only"] == dg.multi_or_in_process_executor.name
    assert own_location.executor is threads_executor, "the package's own code location"


@pytest.mark.long
def test_a_translator_names_the_assets_and_everything_follows(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    class Ours(IntercomTranslator):
        def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
            spec = super().get_asset_spec(stream)
            return spec.replace_attributes(key=[stream.name, "raw"], owners=["team:crm"])

    database = tmp_path / "w.duckdb"
    streams = ["contacts", "conversations", "conversation_parts", "companies", "tags"]
    defs = workspace(sandbox, database, streams=streams, translator=Ours())
    key = dg.AssetKey(["conversation_parts", "raw"])
    graph = defs.resolve_asset_graph()
    assert graph.get(key).parent_keys == {dg.AssetKey(["conversations", "raw"])}
    assert graph.get(key).owners == ["team:crm"]

    @dg.asset(ins={"contacts": dg.AssetIn(["contacts", "raw"], input_manager_key="store")})
    def downstream(contacts: pd.DataFrame) -> int:
        return len(contacts)

    store = {"store": defs.resources["intercom_io_manager"]}
    merged = dg.Definitions.merge(defs, dg.Definitions(assets=[downstream], resources=store))
    with dg.instance_for_test() as instance:
        result = run(merged, "intercom_everything", instance)
        assert all(check.passed for check in result.get_asset_check_evaluations())
        [lineage] = [
            event.metadata["dagster/column_lineage"].value
            for event in materializations(result)
            if event.asset_key == key
        ]
        [parent] = lineage.deps_by_column["conversation_id"]
        assert parent.asset_key == dg.AssetKey(["conversations", "raw"])
        loaded = merged.resolve_implicit_global_asset_job_def().get_subset(
            asset_selection={downstream.key}
        )
        count = loaded.execute_in_process(instance=instance).output_for_node("downstream")
        assert count == len(sandbox.workspace.contacts)
        support = run(defs, "intercom_support", instance)
        assert key in {event.asset_key for event in materializations(support)}
    for stream in streams:
        assert differences(database, sandbox.workspace, stream) == []


def test_keys_may_hold_what_names_of_ops_may_not(tmp_path: Path) -> None:
    class Ours(IntercomTranslator):
        def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
            return super().get_asset_spec(stream).replace_attributes(key=["raw-zone", stream.name])

    defs = build_intercom_definitions(database=str(tmp_path / "w.duckdb"), translator=Ours())
    assert dg.AssetKey(["raw-zone", "contacts"]) in defs.resolve_asset_graph().get_all_asset_keys()


def test_a_prefix_may_hold_what_names_of_jobs_may_not(sandbox: Sandbox, tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    defs = workspace(sandbox, database, key_prefix="eu-west/main", streams="tags", models=True)
    with dg.instance_for_test() as instance:
        assert run(defs, "intercom_eu_west_main_everything", instance).success
    with duckdb.connect(str(database)) as connection:
        [(rows,)] = connection.execute("select count(*) from eu_west_main.tags").fetchall()
    assert rows == len(sandbox.workspace.tags)


@pytest.mark.long
def test_a_builder_does_not_build_the_packages_own_location(tmp_path: Path) -> None:
    # Which goes by the environment, where the project's own says nothing that it could use.
    code = (
        "from intercom_assets import IntercomComponent, build_intercom_definitions\n"
        "build_intercom_definitions(database='w.duckdb', streams='tags')"
    )
    environment = {**os.environ, "INTERCOM_STREAMS": "contacs"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path)
    assert done.returncode == 0


def test_configuration_is_added_to_what_a_resource_says_itself() -> None:
    own = WarehouseResource(
        database=dg.EnvVar("SOMEWHERE"), init_sql=["select 1"], connection_config={"threads": 2}
    )
    given = {"threads": 1, "access_mode": "automatic"}
    defs = build_intercom_definitions(warehouse=own, connection_config=given)
    store = defs.resources["intercom_io_manager"]
    assert store.duckdb.connection_config == {"threads": 2, "access_mode": "automatic"}
    assert store.duckdb.init_sql == ["select 1"]


def test_an_own_io_manager_and_settings_of_ours_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="schema: for our own IO manager"):
        build_intercom_definitions(io_manager_key="mine", schema="raw")


def can_count_connections() -> bool:
    """DuckDB 1.4.0 cannot: nobody knows whether a limit of ours would be others' as well."""
    try:
        duckdb.connect().execute("from duckdb_connection_count()")
    except duckdb.CatalogException:
        return False
    return True


@pytest.mark.skipif(not can_count_connections(), reason="there is no limit of ours then")
def test_duckdb_keeps_to_its_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    defs = workspace(
        sandbox,
        tmp_path / "w.duckdb",
        streams=["tags"],
        io_manager={"charts": False, "memory_limit": "nonsense"},
    )
    with (
        dg.instance_for_test() as instance,
        pytest.raises(duckdb.Error, match=r"[Mm]emory"),
    ):
        run(defs, "intercom_everything", instance)
