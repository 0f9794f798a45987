"""Where the tables are: settings in Python, YAML and the environment, and what of them shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from intercom_assets import WarehouseResource, build_intercom_definitions
from intercom_assets.component import IntercomComponent
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.lake_maintenance import LakeMaintenanceConfig
from intercom_assets.sandbox import Sandbox
from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets.warehouse.explaining import explained
from intercom_assets.warehouse.kinds import DUCKLAKE, FILE, MOTHERDUCK, kind_of
from intercom_assets.warehouse.location import located
from intercom_assets.warehouse.place import Place
from intercom_assets.warehouse_resource import place_of
from intercom_assets_tests.test_definitions import run, workspace

LAKE = "ducklake:postgres:dbname=lake host=db password=opensesame"


def manager(definitions: dg.Definitions) -> IntercomDuckDBIOManager:
    found = (definitions.resources or {})["intercom_io_manager"]
    assert isinstance(found, IntercomDuckDBIOManager)
    return found


@pytest.mark.parametrize(
    ("environment", "database"),
    [
        ({}, "intercom.duckdb"),
        ({"INTERCOM_DUCKDB_PATH": "/data/w.duckdb"}, "/data/w.duckdb"),
        ({"INTERCOM_DUCKDB_PATH": "/data/w.duckdb", "INTERCOM_WAREHOUSE": LAKE}, LAKE),
    ],
)
def test_the_environment_names_the_warehouse_and_the_definitions_only_its_variable(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], database: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("INTERCOM_DATA_PATH", "s3://bucket/lake")
    monkeypatch.setenv("INTERCOM_EXTENSION_DIRECTORY", "/extensions")
    made = manager(build_intercom_definitions())
    assert made.place == Place(
        located(database), data_path="s3://bucket/lake", extension_directory="/extensions"
    )
    assert "opensesame" not in repr(made)


def test_a_warehouse_in_python_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERCOM_WAREHOUSE", LAKE)
    assert manager(build_intercom_definitions(warehouse="md:ours")).place.database == "md:ours"
    ours = WarehouseResource(database="ducklake:ours.ducklake", attach={"encrypted": True})
    place = manager(build_intercom_definitions(warehouse=ours)).place
    assert place.database == f"ducklake:{Path.cwd() / 'ours.ducklake'}"
    assert place.attach == {"encrypted": True}
    with pytest.raises(ValueError, match="give one of them"):
        build_intercom_definitions(None, "w.duckdb", warehouse="md:")


def test_only_a_lake_has_the_job_that_keeps_it_in_order() -> None:
    def jobs(warehouse: str) -> set[str]:
        made = build_intercom_definitions(warehouse=warehouse, key_prefix="eu")
        return {job.name for job in made.jobs or ()}

    assert jobs("ducklake:w.ducklake") - jobs("w.duckdb") == {"intercom_eu_lake_maintenance"}


def test_only_a_lake_has_the_schedule_of_that_job_which_ships_stopped() -> None:
    def schedules(warehouse: str) -> dict[str, dg.ScheduleDefinition]:
        made = build_intercom_definitions(warehouse=warehouse, key_prefix="eu", models=False)
        return {one.name: one for one in made.get_repository_def().schedule_defs}

    of_lake = schedules("ducklake:w.ducklake")
    [name] = set(of_lake) - set(schedules("w.duckdb"))
    assert name == "intercom_eu_lake_maintenance_schedule"
    assert of_lake[name].job_name == "intercom_eu_lake_maintenance"
    assert of_lake[name].cron_schedule == "30 2 * * *"
    assert {one.default_status for one in of_lake.values()} == {dg.DefaultScheduleStatus.STOPPED}


@pytest.mark.parametrize("hours", [0, 0.99, -1, float("nan")])
def test_files_of_commits_under_way_are_not_taken_for_orphans(hours: float) -> None:
    with pytest.raises(ValueError, match="what a commit under way has written"):
        LakeMaintenanceConfig(files_stay_hours=hours)
    assert LakeMaintenanceConfig(files_stay_hours=1).files_stay_hours == 1
    made = build_intercom_definitions(warehouse="ducklake:w.ducklake", models=False)
    job = made.resolve_job_def("intercom_lake_maintenance")
    config = {"intercom_lake_maintenance_op": {"config": {"files_stay_hours": hours}}}
    with pytest.raises(ValueError, match="has to be at least 1"):
        job.execute_in_process(run_config={"ops": config})


@pytest.mark.parametrize(
    "yaml",
    [
        {"warehouse": "{{ env.INTERCOM_WAREHOUSE }}"},
        {
            "warehouse": {
                "database": "{{ env.INTERCOM_WAREHOUSE }}",
                "data_path": "s3://bucket/lake",
                "attach": {"data_inlining_row_limit": 100},
                "init_sql": ["create secret (type s3, key_id ${AWS_KEY})"],
            }
        },
    ],
)
def test_a_warehouse_in_yaml(monkeypatch: pytest.MonkeyPatch, yaml: dict[str, Any]) -> None:
    monkeypatch.setenv("INTERCOM_WAREHOUSE", LAKE)
    component = IntercomComponent.resolve_from_dict(yaml)
    found = manager(component.build_defs(dg.ComponentTree.for_test().load_context))
    assert found.place.database == LAKE
    assert "opensesame" not in repr(found)
    if isinstance(yaml["warehouse"], dict):
        assert found.place.data_path == "s3://bucket/lake"
        assert found.place.attach == {"data_inlining_row_limit": 100}
        assert found.place.init_sql == ("create secret (type s3, key_id ${AWS_KEY})",)


@pytest.mark.parametrize(
    ("database", "kind"),
    [
        ("/data/w.duckdb", FILE),
        ("C:\\data\\w.duckdb", FILE),
        (":memory:", FILE),
        ("md:ours", MOTHERDUCK),
        (LAKE, DUCKLAKE),
        ("DuckLake:w.ducklake", DUCKLAKE),
    ],
)
def test_the_kind_of_a_warehouse_goes_by_its_name(database: str, kind: Any) -> None:
    assert kind_of(database) is kind


@pytest.mark.parametrize("database", ["postgres:dbname=x", "quack:host", "iceberg:x"])
def test_what_loses_rows_is_refused(database: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="without losing rows: use a DuckDB file"):
        kind_of(database)


@pytest.mark.parametrize(
    "place",
    [
        Place(LAKE),
        Place("ducklake:postgres:dbname=lake password='opensesame'"),
        Place("ducklake:postgres:postgresql://lake:opensesame@db:5432/lake"),
        Place("md:ours?motherduck_token=opensesame"),
        Place("w", init_sql=("create secret (type s3, key_id 'k', secret 'opensesame')",)),
        Place("w", init_sql=("create secret (type s3, secret ${LAKE_SECRET})",)),
        Place("w", config={"motherduck_token": "opensesame"}),
        Place("w", attach={"ENCRYPTION_KEY": "opensesame"}),
    ],
)
def test_a_secret_of_the_warehouse_shows_in_no_error(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_SECRET", "opensesame")
    told = f"no server at {place.database} {place.statements()} {place.config} {place.attach}"
    for kind in (duckdb.IOException, duckdb.BinderException):
        with (
            pytest.raises(Exception, match=r"no server at .*\*\*\*") as caught,
            explained(DUCKLAKE, place.hide),
        ):
            raise kind(told)
        seen: BaseException | None = caught.value
        while seen is not None:
            assert "opensesame" not in str(seen)
            seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def test_initial_sql_takes_texts_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHO", "o'neill")
    resource = WarehouseResource(
        database=str(tmp_path / "w.duckdb"), init_sql=["set variable who = ${WHO}"]
    )
    with resource.get_connection() as connection:
        assert connection.execute("select getvariable('who')").fetchall() == [("o'neill",)]
    monkeypatch.delenv("WHO")
    with pytest.raises(DatabaseUnavailable, match="variable WHO, which is not set"):
        resource.get_connection().__enter__()


@pytest.mark.long
def test_an_encrypted_file_is_written_run_by_run_and_by_several_streams(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", "opensesame")
    file = tmp_path / "w.duckdb"
    warehouse = WarehouseResource(
        database=str(file),
        attach={"ENCRYPTION_KEY": "${THE_KEY}", "STORAGE_VERSION": "v1.4.0"},
        # Else DuckDB asks for its extension httpfs, which is not on this machine.
        init_sql=["set global force_mbedtls_unsafe = 'true'"],
    )
    defs = workspace(sandbox, None, warehouse=warehouse, streams=["tags", "contacts", "segments"])
    with dg.instance_for_test() as instance:
        for _ in range(2):
            assert run(defs, "intercom_everything", instance).success
            # Nobody has it open any more, so that others may.
            with duckdb.connect(":memory:") as theirs:
                theirs.execute(f"attach '{file}' as w (read_only, encryption_key 'opensesame')")
                found = theirs.execute("select count(*) from w.intercom.contacts").fetchall()
                assert found == [(len(sandbox.workspace.contacts),)]
    unaware = WarehouseResource(database=str(file))
    with (
        pytest.raises(DatabaseUnavailable, match="give its key as ENCRYPTION_KEY"),
        unaware.get_connection(),
    ):
        pass
    monkeypatch.setenv("THE_KEY", "opensaysme")
    with (
        pytest.raises(DatabaseUnavailable, match="correct ENCRYPTION_KEY") as caught,
        warehouse.get_connection(),
    ):
        pass
    assert "opensaysme" not in str(caught.value)


def test_a_file_has_no_data_path(tmp_path: Path, sandbox: Sandbox) -> None:
    place = Place(str(tmp_path / "w.duckdb"), data_path="s3://bucket/lake")
    with (
        pytest.raises(DatabaseUnavailable, match="is for a DuckLake, and the warehouse is none"),
        FILE.connect(place),
    ):
        pass


@pytest.mark.slow
def test_an_extension_that_cannot_be_had_is_named_with_where_it_belongs(tmp_path: Path) -> None:
    place = Place(
        f"ducklake:{tmp_path / 'w.ducklake'}",
        config={"custom_extension_repository": str(tmp_path / "nothing")},
        extension_directory=str(tmp_path / "extensions"),
    )
    with (
        pytest.raises(DatabaseUnavailable, match=r"extension ducklake is not there.*extensions$"),
        DUCKLAKE.connect(place),
    ):
        pass


@pytest.mark.parametrize(
    ("database", "found"),
    [
        ("ducklake:lake.ducklake", "ducklake:{cwd}/lake.ducklake"),
        ("ducklake:sqlite:data/lake.sqlite", "ducklake:sqlite:{cwd}/data/lake.sqlite"),
        ("ducklake:our_secret", "ducklake:our_secret"),
        (LAKE, LAKE),
    ],
)
def test_a_catalogue_in_a_file_has_one_path(database: str, found: str) -> None:
    assert located(database) == found.format(cwd=os.fspath(Path.cwd()))
    assert place_of(WarehouseResource(database=database)).database == located(database)
