"""The component, in a project of a few lines of YAML."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox

from intercom_assets import IntercomComponent
from intercom_assets.resources import _client
from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.truth import differences


# Dagster's own loading of YAML uses what Dagster calls beta.
@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_a_few_lines_of_yaml_sync_a_workspace(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERCOM_ACCESS_TOKEN", sandbox.token)
    _client.cache_clear()
    database = tmp_path / "w.duckdb"
    body = {
        "type": "intercom_assets.IntercomComponent",
        "attributes": {
            "intercom": {
                "access_token": "{{ env.INTERCOM_ACCESS_TOKEN }}",
                "base_url": sandbox.url,
            },
            "database": str(database),
            "streams": ["contacts", "tags"],
            "key_prefix": ["crm"],
            "cron_schedule": "@daily",
        },
        "post_processing": {
            "assets": [{"target": "*", "attributes": {"owners": ["team:support"]}}],
        },
    }
    with create_defs_folder_sandbox() as project:
        path = project.scaffold_component(component_cls=IntercomComponent, defs_path="intercom")
        scaffolded = yaml.safe_load((path / "defs.yaml").read_text())
        assert scaffolded["attributes"]["intercom"]["access_token"] == (
            "{{ env.INTERCOM_ACCESS_TOKEN }}"
        )
        (path / "defs.yaml").write_text(yaml.safe_dump(body))
        with project.build_all_defs() as defs, dg.instance_for_test() as instance:
            keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
            assert keys == {"crm/contacts", "crm/tags"}
            spec = defs.resolve_assets_def(dg.AssetKey(["crm", "tags"]))
            assert [list(each.owners) for each in spec.specs] == [["team:support"]]
            job = defs.resolve_job_def("intercom_crm_everything")
            assert job.execute_in_process(instance=instance).success
    for stream in ("contacts", "tags"):
        assert differences(database, sandbox.workspace, stream, "crm") == []


def test_dg_lists_it() -> None:
    dg_program = Path(sys.executable).with_name("dg")
    listed = subprocess.run(
        [str(dg_program), "list", "components", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "intercom_assets.IntercomComponent" in listed.stdout
