"""The component, in a project of a few lines of YAML."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml
from dagster.components.resolved.errors import ResolutionException
from dagster.components.testing.utils import DefsFolderSandbox, create_defs_folder_sandbox
from jsonschema import Draft4Validator

from intercom_assets import (
    IntercomComponent,
    IntercomDuckDBIOManager,
    IntercomResource,
    IntercomStreamProps,
    IntercomSync,
)
from intercom_assets.resources import _client
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets.warehouse_resource import WarehouseResource
from intercom_assets_tests.truth import differences

# Dagster's own loading of YAML, and of components, uses what Dagster calls beta or preview.
pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning"),
]


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[DefsFolderSandbox]:
    _client.cache_clear()
    with create_defs_folder_sandbox() as project:
        yield project


def scaffold(project: DefsFolderSandbox) -> Path:
    path = project.scaffold_component(component_cls=IntercomComponent, defs_path="intercom")
    return path / "defs.yaml"


def with_component(
    project: DefsFolderSandbox,
    attributes: dict[str, Any],
    component: str = "intercom_assets.IntercomComponent",
    **further: Any,
) -> None:
    """Writes a project's only defs.yaml."""
    body = {"type": component, "attributes": attributes, **further}
    scaffold(project).write_text(yaml.safe_dump(body))


def problems(attributes: dict[str, Any]) -> list[str]:
    """What the component's JSON schema, by which ``dg check yaml`` goes, says of attributes."""
    schema = IntercomComponent.get_model_cls().model_json_schema()
    return [error.message for error in Draft4Validator(schema).iter_errors(attributes)]


def definitions(component: IntercomComponent) -> dg.Definitions:
    return component.build_defs(dg.ComponentTree.for_test().load_context)


def resolved(attributes: dict[str, Any], **scope: Any) -> IntercomComponent:
    component: IntercomComponent = IntercomComponent.resolve_from_yaml(
        yaml.safe_dump(attributes), scope=scope
    )
    return component


def test_what_is_scaffolded_names_what_has_to_be_set(project: DefsFolderSandbox) -> None:
    scaffolded = yaml.safe_load(scaffold(project).read_text())
    assert scaffolded["attributes"]["intercom"]["access_token"] == (
        "{{ env.INTERCOM_ACCESS_TOKEN }}"
    )
    assert scaffolded["requirements"] == {"env": ["INTERCOM_ACCESS_TOKEN"]}
    assert problems(scaffolded["attributes"]) == []
    with project.build_all_defs() as defs:
        found = {key.path[-1] for key in defs.resolve_asset_graph().get_all_asset_keys()}
        assert found & set(STREAMS) == {"contacts", "conversations", "conversation_parts"}


def test_what_is_scaffolded_in_python_loads(project: DefsFolderSandbox) -> None:
    project.scaffold_component(
        component_cls=IntercomComponent, defs_path="intercom", scaffold_format="python"
    )
    with project.build_all_defs() as defs:
        found = {key.path[-1] for key in defs.resolve_asset_graph().get_all_asset_keys()}
        assert found & set(STREAMS) == {"contacts", "conversations", "conversation_parts"}


@pytest.mark.long
def test_a_few_lines_of_yaml_sync_a_workspace(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: DefsFolderSandbox
) -> None:
    monkeypatch.setenv("INTERCOM_ACCESS_TOKEN", sandbox.token)
    database = tmp_path / "w.duckdb"
    monkeypatch.setenv("WAREHOUSE_FILE", str(database))
    attributes = {
        "intercom": {
            "access_token": "{{ env.INTERCOM_ACCESS_TOKEN }}",
            "base_url": sandbox.url,
        },
        "database": "{{ env.WAREHOUSE_FILE }}",
        "streams": ["contacts", "tags"],
        "key_prefix": "crm",
        "cron_schedule": "@daily",
    }
    owned = {"assets": [{"target": "*", "attributes": {"owners": ["team:support"]}}]}
    with_component(project, attributes, post_processing=owned)
    with project.build_all_defs() as defs, dg.instance_for_test() as instance:
        keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
        assert keys >= {"crm/contacts", "crm/tags", "crm/contact_tags"}
        assert "crm/companies" not in keys
        spec = defs.resolve_assets_def(dg.AssetKey(["crm", "tags"]))
        assert [list(each.owners) for each in spec.specs] == [["team:support"]]
        job = defs.resolve_job_def("intercom_crm_everything")
        assert job.execute_in_process(instance=instance).success
    for stream in ("contacts", "tags"):
        assert differences(database, sandbox.workspace, stream, "crm") == []


def test_streams_are_checked_by_name_before_anything_is_loaded() -> None:
    assert problems({"streams": ["contacts", "tags"]}) == []
    assert problems({"streams": ["{{ which }}", "support"]}) == []
    assert problems({"streams": "default"}) == problems({"streams": "people, macros"}) == []
    assert problems({"streams": "{{ env.STREAMS }}"}) == problems({"streams": None}) == []
    assert problems({"streams": "contacs"})
    assert problems({"streams": "people; macros"})
    assert problems({"streams": ["contacts", "contacs"]})
    assert problems({"region": "eu"}), "a field of the workspace, not of the component"


def test_a_key_prefix_may_be_text_or_a_list() -> None:
    for prefix in ("eu/main", ["eu", "main"]):
        assert problems({"key_prefix": prefix}) == []
        component = IntercomComponent.resolve_from_dict({"key_prefix": prefix, "streams": ["tags"]})
        defs = definitions(component)
        assert defs.resolve_assets_def(dg.AssetKey(["eu", "main", "tags"]))


@pytest.mark.parametrize(
    ("attribute", "resource", "elsewhere"),
    [
        ("intercom", IntercomResource, set()),
        ("warehouse", WarehouseResource, set()),
        # The database and the schema are attributes of the component.
        ("io_manager", IntercomDuckDBIOManager, {"duckdb", "schema_name"}),
    ],
)
def test_every_field_of_the_resources_is_reachable(
    attribute: str, resource: Any, elsewhere: set[str]
) -> None:
    schema = IntercomComponent.get_model_cls().model_json_schema()
    [fields] = [way for way in schema["properties"][attribute]["anyOf"] if "properties" in way]
    assert set(fields["properties"]) == set(resource.model_fields) - elsewhere


def test_every_attribute_says_what_it_is_for() -> None:
    attributes = IntercomComponent.get_model_cls().model_json_schema()["properties"]
    assert [name for name, told in attributes.items() if not told.get("description")] == []


def test_fields_arrive_where_they_belong() -> None:
    component = resolved(
        {
            "intercom": {
                "lookback": 60,
                "page_size": 50,
                "api_version": "2.14",
                "drop_fields": {"contacts": ["phone"]},
            },
            "database": "w.duckdb",
            "connection_config": {"threads": 1},
            "io_manager": {"preview": "off", "memory_limit": None, "patience": 5},
            "db_schema": "raw",
            "owners": ["team:support"],
            "tags": {"tier": "1"},
            "automation_condition": "{{ daily }}",
            "freshness_policy": None,
            "streams": ["contacts"],
        },
        # Dagster has one in scope, by a name that changed in 1.13.
        daily=dg.AutomationCondition.on_cron("@daily"),
    )
    defs = definitions(component)
    workspace = defs.resources["intercom"]
    assert (workspace.lookback, workspace.page_size) == (60, 50)
    assert workspace.api_version == "2.14"
    assert workspace.drop_fields == {"contacts": ["phone"]}
    store = defs.resources["intercom_io_manager"]
    assert (store.preview, store.memory_limit, store.patience) == ("off", None, 5)
    assert (store.duckdb.database, store.duckdb.connection_config) == ("w.duckdb", {"threads": 1})
    assert store.schema_name == "raw"
    [spec] = defs.resolve_assets_def(dg.AssetKey("contacts")).specs
    assert (list(spec.owners), spec.tags["tier"]) == (["team:support"], "1")
    assert spec.automation_condition is not None and spec.freshness_policy is None


@pytest.mark.parametrize(
    "intercom", [{}, {"access_token": "{{ env.NO_SUCH_TOKEN }}", "page_size": "{{ env.NO_SIZE }}"}]
)
def test_a_variable_that_is_not_set_is_an_error_of_the_run(
    project: DefsFolderSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    intercom: dict[str, Any],
) -> None:
    monkeypatch.delenv("INTERCOM_ACCESS_TOKEN", raising=False)
    with_component(
        project,
        {"intercom": intercom, "database": str(tmp_path / "w.duckdb"), "streams": ["tags"]},
    )
    with (
        project.build_all_defs() as defs,
        dg.instance_for_test() as instance,
        pytest.raises(dg.DagsterInvalidConfigError, match=r"variable \"(NO_SUCH|INTERCOM_ACC)"),
    ):
        defs.resolve_job_def("intercom_everything").execute_in_process(instance=instance)


def test_what_only_loading_can_look_up_says_what_is_not_set() -> None:
    with pytest.raises(ResolutionException, match="variable NO_SUCH_SWITCH is not set"):
        IntercomComponent.resolve_from_dict(
            {"intercom": {"drop_bodies": "{{ env.NO_SUCH_SWITCH }}"}}
        )


@pytest.mark.parametrize("misspelt", [{"regoin": "eu"}, {"region": ["eu"]}])
def test_an_error_about_a_field_does_not_quote_the_token(misspelt: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"regoin|region") as problem:
        IntercomComponent.resolve_from_dict({"intercom": {"access_token": "tok-5ec4e7"} | misspelt})
    assert "5ec4e7" not in str(problem.value)


class Ours(IntercomComponent):
    """A subclass as a project may write it."""

    def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
        spec = super().get_asset_spec(stream)
        return spec.replace_attributes(group_name="crm").merge_attributes(
            metadata={"call": stream.path}
        )

    def execute(self, context: dg.AssetExecutionContext, sync: IntercomSync) -> Iterable[Any]:
        context.log.info(f"about to read {sync.stream.name}")
        yield from super().execute(context, sync)


@pytest.mark.long
def test_a_subclass_and_a_translation_say_what_dagster_is_told(
    sandbox: Sandbox, tmp_path: Path, project: DefsFolderSandbox
) -> None:
    attributes = {
        "intercom": {"access_token": sandbox.token, "base_url": sandbox.url},
        "database": str(tmp_path / "w.duckdb"),
        "streams": ["conversations", "conversation_parts"],
        "models": False,
        "fivetran_schema": "as_at_fivetran",
        "translation": {
            "key": "raw/intercom_{{ stream.name }}",
            "description": "{{ spec.description }} By {{ stream.parent or 'nobody' }}.",
        },
    }
    with_component(project, attributes, f"{__name__}.Ours")
    key = dg.AssetKey(["raw", "intercom_conversation_parts"])
    with project.build_all_defs() as defs, dg.instance_for_test() as instance:
        node = defs.resolve_asset_graph().get(key)
        assert node.group_name == "crm"
        assert node.parent_keys == {dg.AssetKey(["raw", "intercom_conversations"])}
        assert node.metadata["call"] == "/conversations/{id}"
        assert (node.description or "").endswith("By conversations.")
        result = defs.resolve_job_def("intercom_everything").execute_in_process(instance=instance)
        log = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "about to read conversations" in log
    for stream in ("conversations", "conversation_parts"):
        assert differences(tmp_path / "w.duckdb", sandbox.workspace, stream) == []
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        views = connection.execute(
            "select view_name from duckdb_views() where schema_name = 'as_at_fivetran'"
        )
        assert ("conversation_part_history",) in views.fetchall()


@pytest.mark.slow
def test_dg_lists_it() -> None:
    dg_program = Path(sys.executable).with_name("dg")
    listed = subprocess.run(
        [str(dg_program), "list", "components", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "intercom_assets.IntercomComponent" in listed.stdout
