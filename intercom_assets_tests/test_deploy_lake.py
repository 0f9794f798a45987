"""The files for a team with a DuckLake: valid, and each name in them leads somewhere."""

from __future__ import annotations

import json
import logging
import re
import runpy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.events import DagsterEvent
from dagster._core.instance.config import dagster_instance_config
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.workspace.config_schema import process_workspace_config
from dagster._daemon.monitoring import run_monitoring
from dagster_k8s.container_context import K8sContainerContext

from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.warehouse.kinds.ducklake import EXTENSIONS
from intercom_assets_tests.servers import free_port

DEPLOY = Path(__file__).parents[1] / "deploy"
MANIFESTS = [
    pytest.param(document, id=f"{file.stem}-{document['kind']}-{document['metadata']['name']}")
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]
# What says which DuckDB lakes are tested with; the first also lists its extensions.
GUIDES = ("warehouses.md", "deploy.md")
# Made by hand, as docs/deploy.md says.
BY_HAND = {"dagster-postgres", "lake", "intercom-eu", "intercom-us"}


@pytest.mark.parametrize("manifest", MANIFESTS)
@pytest.mark.parametrize("version", ["1.30", "1.34"])
def test_kubernetes_accepts_each_manifest(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def _within(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from _within(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _within(inner, key)


def test_what_the_manifests_refer_to_is_there_or_is_made_by_hand() -> None:
    documents = [param.values[0] for param in MANIFESTS]
    named = {(d["kind"], d["metadata"]["name"]) for d in documents}
    guide = (DEPLOY.parent / "docs/deploy.md").read_text()
    references = {"configMapRef": "ConfigMap", "configMap": "ConfigMap", "secretRef": "Secret"}
    for key, kind in references.items():
        for found in _within(documents, key):
            name = found["name"]
            assert (kind, name) in named or name in BY_HAND, name
            assert (kind, name) in named or name in guide
    assert {("ServiceAccount", name) for name in _within(documents, "serviceAccountName")} <= named
    [locations] = [d for d in documents if d["metadata"]["name"] == "dagster-locations"]
    workspace = yaml.safe_load(locations["data"]["workspace.yaml"])
    assert process_workspace_config(workspace).success
    assert {("Service", host) for host in _within(workspace, "host")} <= named
    for template in _within(documents, "template"):
        for variable in _within(template, "env"):
            for one in variable:
                if one["name"] == "DAGSTER_CLI_API_GRPC_CONTAINER_CONTEXT":
                    # Read as a code server reads it.
                    context = yaml.safe_load(one["value"])
                    made = K8sContainerContext.create_from_config(context)
                    sources = made.run_k8s_config.container_config["env_from"]
                    assert {"config_map_ref": {"name": "intercom-lake"}} in sources
    assert len(set(_within(documents, "image"))) == 1


def test_the_instance_is_that_of_a_team_without_its_volume() -> None:
    made = yaml.safe_load(_named("dagster-instance")["data"]["dagster.yaml"])
    team = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    for name in ("volumes", "volume_mounts"):
        del team["run_launcher"]["config"][name]
    team["run_launcher"]["config"]["env_secrets"] = ["dagster-postgres"]
    assert made == team


def test_each_pod_has_the_variables_that_the_instance_names() -> None:
    """A pod that lacks one cannot load the instance, or looks for runs where they are not."""
    documents = [param.values[0] for param in MANIFESTS]
    config_maps = {d["metadata"]["name"]: set(d["data"]) for d in documents if "data" in d}
    guide = (DEPLOY.parent / "docs/deploy.md").read_text()
    secrets = {
        name: set(re.findall(r"--from-literal=(\w+)=", rest))
        for name, rest in re.findall(r"create secret generic (\S+)((?:\\\n|.)*)", guide)
    }
    instance = yaml.safe_load(_named("dagster-instance")["data"]["dagster.yaml"])
    named = set(_within(instance, "env"))
    assert "DAGSTER_NAMESPACE" in named
    pods = [d for d in documents if d["kind"] == "Deployment"]
    assert len(pods) == 4
    for pod in pods:
        [container] = pod["spec"]["template"]["spec"]["containers"]
        sources = list(_within(container["envFrom"], "name"))
        given = {name for source in sources for name in {**config_maps, **secrets}[source]}
        own = {one["name"]: one for one in container["env"]}
        assert named <= given | set(own), pod["metadata"]["name"]
        field = own["DAGSTER_NAMESPACE"]["valueFrom"]["fieldRef"]["fieldPath"]
        assert field == "metadata.namespace"
    # So do the pods of runs, which get what the launcher gives them.
    launcher = instance["run_launcher"]["config"]
    given = {name for source in launcher["env_secrets"] for name in secrets[source]}
    assert named <= given | set(launcher["env_vars"])
    # Nothing is bound to one namespace.
    assert not list(_within(documents, "namespace"))


def _named(name: str) -> dict[str, Any]:
    [found] = [p.values[0] for p in MANIFESTS if p.values[0]["metadata"]["name"] == name]
    assert isinstance(found, dict)
    return found


def test_the_two_locations_write_schemas_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERCOM_WAREHOUSE", "ducklake:postgres:dbname=lake host=postgres")
    monkeypatch.setenv("INTERCOM_DATA_PATH", "s3://lake/tables")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opensesame")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    schemas = {}
    for workspace in ("eu", "us"):
        monkeypatch.setenv("WORKSPACE", workspace)
        defs = runpy.run_path(str(DEPLOY / "lake.py"))["defs"]
        assert isinstance(defs, dg.Definitions)
        [manager] = [
            resource
            for resource in (defs.resources or {}).values()
            if isinstance(resource, IntercomDuckDBIOManager)
        ]
        schemas[workspace] = manager.schema_name
        [secret] = manager.place.statements()
        assert secret == (
            "create or replace secret storage (type s3, key_id 'key', secret 'opensesame', "
            "region 'us-east-1')"
        )
        assert "opensesame" not in repr(manager)
        assert defs.resolve_job_def(f"intercom_{workspace}_lake_maintenance")
    assert schemas == {"eu": "eu", "us": "us"}


def test_the_compose_file_hangs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY / "compose" / source).exists()
    # The socket answers while the databases are still being made, and those who wait would start.
    assert "pg_isready -h 127.0.0.1 " in services["postgres"]["healthcheck"]["test"][1]
    environment = services["code"]["environment"]
    variables = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "lake.py").read_text()))
    assert variables <= set(environment)
    for name in ("DAGSTER_PG_USER", "DAGSTER_PG_PASSWORD"):
        monkeypatch.setenv(name, "x")
    config, _ = dagster_instance_config(str(DEPLOY / "compose"))
    assert config["storage"]["postgres"]["postgres_db"]["hostname"] in services
    workspace = yaml.safe_load((DEPLOY / "compose/workspace.yaml").read_text())
    assert process_workspace_config(workspace).success
    assert set(_within(workspace, "host")) <= set(services)


@pytest.mark.parametrize("is_by_hand", [True, False])
def test_a_run_that_went_with_its_container_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_by_hand: bool
) -> None:
    """By hand minutes after somebody terminates it, else a day after its start."""
    config = yaml.safe_load((DEPLOY / "compose/dagster.yaml").read_text())
    del config["storage"]
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    gone = {"host": "127.0.0.1", "port": free_port()}
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:

        def look(later: float) -> str:
            """As the daemon does, some seconds from now."""
            then = time.time() + later
            monkeypatch.setattr(run_monitoring, "get_current_timestamp", lambda: then)
            monkeypatch.setattr(run_monitoring.time, "time", lambda: then)
            record = instance.get_run_record_by_id(run.run_id)
            assert record is not None
            if record.dagster_run.status is dg.DagsterRunStatus.CANCELING:
                run_monitoring.monitor_canceling_run(instance, record, logging.getLogger())
            else:
                run_monitoring.monitor_started_run(instance, Mock(), record, logging.getLogger())
            monkeypatch.undo()
            run_now = instance.get_run_by_id(run.run_id)
            assert run_now is not None
            return run_now.status.value

        run = instance.create_run_for_job(dg.GraphDefinition("gone").to_job())
        instance.add_run_tags(run.run_id, {GRPC_INFO_TAG: json.dumps(gone)})
        instance.report_dagster_event(DagsterEvent("PIPELINE_START", "gone"), run.run_id)
        assert look(86_000) == "STARTED"
        if not is_by_hand:
            assert look(86_500) == "FAILURE"
            return
        with pytest.raises(DagsterUserCodeUnreachableError):
            instance.run_launcher.terminate(run.run_id)
        assert look(100) == "CANCELING"
        assert look(200) == "CANCELED"


def test_the_image_leaves_a_file_alone_and_each_lake_names_the_extensions_in_it() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    [folder] = re.findall(r"'extension_directory': '([^']+)'", image)
    assert "ENV INTERCOM_EXTENSION" not in image
    lake = _named("intercom-lake")["data"]
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    for variables in (lake, compose["services"]["code"]["environment"]):
        assert variables["INTERCOM_WAREHOUSE"].startswith("ducklake:")
        assert variables["INTERCOM_EXTENSION_DIRECTORY"] == folder


def test_the_image_has_the_duckdb_that_lakes_are_tested_with_and_its_extensions() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    [version] = re.findall(r"^ARG DUCKDB=(.+)$", image, re.MULTILINE)
    assert f"OTHER_DUCKDB := {version}\n" in (DEPLOY.parent / "Makefile").read_text()
    guides = [(DEPLOY.parent / "docs" / name).read_text() for name in GUIDES]
    assert all(f"DuckDB {version}" in guide for guide in guides)
    installs = re.findall(r"^RUN pip install (.+)$", image, re.MULTILINE)
    assert installs and all('"duckdb==$DUCKDB"' in line for line in installs)
    # A build argument is known from its line on, within its stage.
    assert image.count("FROM ") == 1 and image.index("ARG ") < image.index("pip install")
    [script] = re.findall(r'python -c "(.+?)" \\', image, re.DOTALL)
    folder, installed = _installed_by(script.replace("\\\n", ""))
    assert folder == "/opt/duckdb"
    needed = {"ducklake", EXTENSIONS["postgres:"], EXTENSIONS["s3:"], "aws"}
    assert installed == needed
    assert all(f"`{name}`" in guides[0] for name in needed)


def _installed_by(script: str) -> tuple[str, set[str]]:
    """The folder and the extensions that a script installs."""
    connect = Mock()
    with patch("duckdb.connect", connect):
        exec(script, {})
    calls = connect.return_value.install_extension.call_args_list
    return connect.call_args.kwargs["config"]["extension_directory"], {c.args[0] for c in calls}
