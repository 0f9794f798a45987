"""The files for a laptop and for a team: Dagster accepts them, and they do what they say."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config
from dagster._core.workspace.config_schema import process_workspace_config
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml
from dagster_k8s import K8sRunLauncher

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.servers import postgres

ROOT = Path(__file__).parents[1]


def test_the_laptops_instance_keeps_its_storage_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert (tmp_path / ".dagster").is_dir()
        limits = instance.get_concurrency_config()
        assert limits.pool_config.default_pool_limit == 1
        # By the step, a killed run would block its pool for ever where no daemon runs.
        assert limits.pool_config.pool_granularity is not None
        assert limits.pool_config.pool_granularity.value == "run"
        assert limits.run_queue_config is not None
        assert limits.run_queue_config.tag_concurrency_limits == [
            {
                "key": "intercom/workspace",
                "value": {"applyLimitPerUniqueValue": True},
                "limit": 1,
            }
        ]


def test_the_teams_instance_is_what_dagster_and_its_launcher_accept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DAGSTER_PG_HOST", "DAGSTER_PG_USER", "DAGSTER_PG_PASSWORD", "DAGSTER_PG_DB"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("DAGSTER_IMAGE", "registry/intercom-assets:1")
    monkeypatch.setenv("DAGSTER_NAMESPACE", "data")
    config, _ = dagster_instance_config(str(ROOT / "deploy"))
    launcher = config["run_launcher"]["config"]
    checked = process_config(K8sRunLauncher.config_type(), launcher)
    assert checked.success, checked.errors
    assert checked.value["job_image"] == "registry/intercom-assets:1"
    assert checked.value["job_namespace"] == "data"
    assert config["concurrency"]["pools"] == {"default_limit": 1, "granularity": "run"}


def test_the_workspace_of_the_team_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERCOM_CODE_HOST", "intercom-code")
    checked = process_workspace_config(yaml.safe_load((ROOT / "deploy/workspace.yaml").read_text()))
    assert checked.success, checked.errors


def test_dagster_plus_accepts_its_file() -> None:
    loaded = load_dagster_cloud_yaml((ROOT / "dagster_cloud.yaml").read_text())
    (location,) = loaded.locations
    assert location.code_source.module_name == "intercom_assets.definitions"


def test_the_image_copies_files_that_are_there() -> None:
    lines = (ROOT / "deploy/Dockerfile").read_text().splitlines()
    sources = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert sources and not [name for name in sources if not (ROOT / name).exists()]


# --------------------------------------------------------------------------------- Postgres


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, Any]]:
    """A server of its own, as `postgres_db` in a dagster.yaml names it."""
    with postgres() as server:
        yield {
            "hostname": "127.0.0.1",
            "port": server.port,
            "username": server.user,
            "password": "unused",
            "db_name": "postgres",
        }


@pytest.mark.long
def test_a_run_with_postgres_storage_resumes_at_the_bookmark(
    storage: dict[str, Any],
    sandbox: Sandbox,
    make_project: Callable[..., Project],
    tmp_path: Path,
) -> None:
    config = yaml.safe_load((ROOT / "deploy/dagster.yaml").read_text())
    config["storage"]["postgres"]["postgres_db"] |= storage
    del config["run_launcher"]  # there is no Kubernetes here
    home = tmp_path / "team_home"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    project = make_project(sandbox)

    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert type(instance.event_log_storage).__module__.startswith("dagster_postgres")
        project.instance = instance
        project.run("contacts")
        first = project.bookmark("contacts")

    changed = next(iter(sandbox.workspace.contacts))
    sandbox.workspace.update("contacts", changed, name="Someone Else")
    with dg.DagsterInstance.from_config(str(home)) as instance:  # as another pod does
        project.instance = instance
        project.run("contacts")
        told = project.metadata("contacts")
        assert told["intercom/bookmark_before"] == first
        assert (told["intercom/inserted"], told["intercom/updated"]) == (0, 1)
        # A bookmark that is reported by hand comes from Postgres, too.
        instance.report_runless_asset_event(
            dg.AssetMaterialization("contacts", metadata={"intercom/bookmark": "1970-01-01"})
        )
        project.run("contacts")
        assert project.metadata("contacts")["intercom/records"] == len(sandbox.workspace.contacts)
    assert project.differences("contacts") == {}
