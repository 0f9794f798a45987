"""The files for a team with a DuckLake: valid, and each name in them leads somewhere."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster._core.workspace.config_schema import process_workspace_config
from dagster_k8s.container_context import K8sContainerContext

from intercom_assets.io_manager import IntercomDuckDBIOManager

DEPLOY = Path(__file__).parents[1] / "deploy"
MANIFESTS = [
    pytest.param(document, id=f"{file.stem}-{document['kind']}-{document['metadata']['name']}")
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]
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
    [param] = [p for p in MANIFESTS if p.values[0]["metadata"]["name"] == "dagster-instance"]
    made = yaml.safe_load(param.values[0]["data"]["dagster.yaml"])
    team = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    for name in ("volumes", "volume_mounts"):
        del team["run_launcher"]["config"][name]
    team["run_launcher"]["config"]["env_secrets"] = ["dagster-postgres"]
    assert made == team


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


def test_the_image_leaves_a_file_alone_and_each_lake_names_the_extensions_in_it() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    [folder] = re.findall(r"'extension_directory': '([^']+)'", image)
    assert "ENV INTERCOM_EXTENSION" not in image
    documents = [param.values[0] for param in MANIFESTS]
    [lake] = [d["data"] for d in documents if d["metadata"]["name"] == "intercom-lake"]
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    for variables in (lake, compose["services"]["code"]["environment"]):
        assert variables["INTERCOM_WAREHOUSE"].startswith("ducklake:")
        assert variables["INTERCOM_EXTENSION_DIRECTORY"] == folder
