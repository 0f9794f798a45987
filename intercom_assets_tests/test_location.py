"""One path of the database, for DuckDB, our lock beside it, and everything else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster_duckdb import DuckDBResource

from intercom_assets import build_intercom_definitions
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.resources import IntercomResource
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing
from intercom_assets.warehouse.location import local_file, located
from intercom_assets.warehouse.place import Place
from intercom_assets.warehouse.store import Store
from intercom_assets_tests.landings import install
from intercom_assets_tests.test_rules_guards import MERGED, MONDAY


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's home, in which ``link`` leads to ``data``; the working directory is elsewhere."""
    home = tmp_path / "home"
    for folder in (home / "data", tmp_path / "work"):
        folder.mkdir(parents=True)
    (home / "link").symlink_to(home / "data")
    (home / "link.duckdb").symlink_to(home / "data" / "w.duckdb")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path / "work")
    return home


SPELLINGS = ["~/data/w.duckdb", "../home/data/w.duckdb", "~/link/w.duckdb", " ~/data/w.duckdb "]
SPELLINGS += ["~/link.duckdb", "file://{home}/data/w.duckdb"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_path_is_one_file(home: Path, spelling: str) -> None:
    assert located(spelling.format(home=home)) == str(home / "data" / "w.duckdb")


@pytest.mark.parametrize("database", [":memory:", "md:", "md:my_db", "ducklake:postgres:dbname=x"])
def test_what_is_no_file_stays_as_it_is(database: str) -> None:
    assert located(database) == database
    assert local_file(database) is None


@pytest.mark.long
@pytest.mark.parametrize("how", ["environment", "python"])
def test_the_database_and_its_lock_are_where_the_home_folder_is(
    home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "environment":
        monkeypatch.setenv("INTERCOM_DUCKDB_PATH", "~/w.duckdb")
    intercom = IntercomResource(access_token=sandbox.token, base_url=sandbox.url)
    definitions = build_intercom_definitions(
        intercom, None if how == "environment" else "~/w.duckdb", io_manager={"charts": False}
    )
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey("tags")]
        ).success
    assert {"w.duckdb", "w.duckdb.lock"} <= {file.name for file in home.iterdir()}
    assert list(Path.cwd().iterdir()) == []


def test_a_working_directory_that_changes_during_a_run_changes_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = IntercomDuckDBIOManager(duckdb=DuckDBResource(database="w.duckdb"))
    with dg.build_resources({"store": manager}) as resources:
        began = Path.cwd()
        monkeypatch.chdir(home)
        with resources.store.warehouse().connection() as connection:
            connection.execute("create table t (i integer)")
    assert (began / "w.duckdb").exists() and not (home / "w.duckdb").exists()


@pytest.mark.slow
def test_a_file_made_for_older_readers_is_read_by_them(sandbox: Sandbox, tmp_path: Path) -> None:
    path = install("1.5.5", tmp_path)
    for name, option, opens in (
        ("new", {}, False),
        ("old", {"storage_compatibility_version": "v1.4.0"}, True),
    ):
        database = tmp_path / f"{name}.duckdb"
        store = Store(Place(str(database), option)).warehouse("intercom", 1.0, print)
        record = {"id": "1", "name": {"a": 1}, "updated_at": MONDAY}
        landing = Landing(store, "things", MERGED, "workspace", "run")
        landing.commit([Batch([record], SyncState())])
        query = [str(database), "select count(*) from intercom.things"]
        done = subprocess.run(
            [sys.executable, "-m", "intercom_assets_tests.landings", "ask", *query],
            env={**os.environ, "PYTHONPATH": str(path)},
            capture_output=True,
            text=True,
        )
        assert (done.stdout.strip() == "[[1]]") is opens, done.stderr
