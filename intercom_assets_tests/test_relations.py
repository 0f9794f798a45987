"""Relations: views that the run of a table makes."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import duckdb
import pytest

from intercom_assets import build_intercom_definitions
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.models.assets import relation_specs
from intercom_assets.models.making import make_relations
from intercom_assets.models.relations import relations
from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.warehouses import opened


@pytest.fixture
def project(project: Project) -> Project:
    """A project whose runs make relations."""
    project.relations = True
    return project


def made(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What the run says of each relation."""
    return {
        event.asset_key.to_user_string(): str(event.materialization.description)
        for event in result.all_events
        if event.is_step_materialization
        and event.asset_key
        and (event.asset_key.path[-1] in relations())
    }


def execute(project: Project, sql: str) -> None:
    with opened(project.database) as connection:
        connection.execute(sql)


def columns(project: Project, view: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in project.query(f"describe intercom.{view}")}


@pytest.mark.long
def test_every_relation_over_the_tables_is_there_with_the_columns_of_its_documentation(
    project: Project,
) -> None:
    tables = {table for relation in relations().values() for table in relation.tables}
    assert made(project.run(*sorted(tables))).keys() == relations().keys()
    for name in relations():
        documented = {column.name: column.kind for column in relations()[name].columns}
        found = {column: kind.lower() for column, kind in columns(project, name).items()}
        if documented:
            assert found == documented, name
        keys = ", ".join(relations()[name].key)
        twice = f"select {keys} from intercom.{name} group by all having count(*) > 1"
        assert project.query(twice) == [], name


@pytest.mark.long
@pytest.mark.every_kind
def test_rows_are_what_the_records_hold(sandbox: Sandbox, project: Project) -> None:
    project.run("contacts", "conversations", "conversation_parts", "teams")
    tags = {
        (record["id"], tag["id"], tag["name"], tag["applied_at"])
        for record in sandbox.workspace.conversations.values()
        for tag in record["tags"]["tags"]
    }
    assert tags
    found = project.query(
        "select conversation_id, tag_id, name, epoch(applied_at) from intercom.conversation_tags"
    )
    assert {tuple(row) for row in found} == tags
    members = {
        (team["id"], str(admin))
        for team in sandbox.workspace.teams.values()
        for admin in team["admin_ids"]
    }
    assert set(project.query("select team_id, admin_id from intercom.team_admins")) == members


@pytest.mark.long
@pytest.mark.every_kind
def test_a_view_is_made_anew_only_when_it_would_be_another(project: Project) -> None:
    assert set(made(project.run("tags", "teams")).values()) == {"The view was made."}
    assert made(project.run("tags", "teams")) == {"team_admins": "The view shows what is new."}
    execute(project, "drop view intercom.team_admins")
    assert made(project.run("teams")) == {"team_admins": "The view was made."}


def test_rows_that_are_marked_as_gone_are_left_out(project: Project) -> None:
    project.run("contacts")
    (before,) = project.query("select count(*) from intercom.contacts_flat")[0]
    execute(
        project,
        "alter table intercom.contacts add column if not exists _deleted_at timestamptz;"
        "update intercom.contacts set _deleted_at = now() where id = (select min(id) from "
        "intercom.contacts)",
    )
    # A view that is there already minds the marks, too.
    assert project.query("select count(*) from intercom.contacts_flat") == [(before - 1,)]
    assert "_deleted_at" not in columns(project, "contacts_flat")


@pytest.mark.long
def test_a_column_that_is_left_out_for_privacy_makes_an_empty_relation(
    project: Project,
) -> None:
    project.settings["drop_fields"] = {"contacts": ["tags", "social_profiles"]}
    assert "contact_tags" in made(project.run("contacts"))
    assert project.query("from intercom.contact_tags") == []


def test_a_table_that_has_the_name_already_stays(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    execute(
        project,
        "create schema intercom; create table intercom.team_admins as select 1 as mine",
    )
    result = project.run("teams")
    assert result.success
    assert made(result) == {}
    assert project.query("from intercom.team_admins") == [(1,)]
    assert "the view team_admins could not be made" in capfd.readouterr().err


def test_a_renamed_copy_of_the_file_has_views_that_work(project: Project) -> None:
    project.run("teams")
    rows = project.query("select count(*) from intercom.team_admins")
    copy = project.database.with_name("intercom.duckdb")
    project.database.rename(copy)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{copy}' as elsewhere")
        assert connection.execute("select count(*) from elsewhere.intercom.team_admins").fetchall()
        assert (
            rows
            == connection.execute("select count(*) from elsewhere.intercom.team_admins").fetchall()
        )


def _give(sandbox: Sandbox, contact: str, **attributes: Any) -> None:
    record = sandbox.workspace.contacts[contact]
    changed = {**record["custom_attributes"], **attributes}
    sandbox.workspace.update(
        "contacts", contact, custom_attributes=changed, at=sandbox.workspace.clock.now()
    )


@pytest.mark.long
def test_attributes_are_columns_of_the_types_that_intercom_tells(project: Project) -> None:
    project.run("contact_attributes", "contacts")
    kinds = columns(project, "contacts_flat")
    declared = project.query(
        "select full_name.replace('custom_attributes.', ''), data_type "
        "from intercom.contact_attributes where custom"
    )
    expected = {"string": "VARCHAR", "integer": "BIGINT", "float": "DOUBLE", "boolean": "BOOLEAN"}
    expected["date"] = "TIMESTAMP WITH TIME ZONE"
    assert len(declared) > 5
    own = set(columns(project, "contacts"))
    for name, data_type in declared:
        column = f"{name}__2" if name in own else name
        assert kinds[column] == expected.get(data_type, "JSON"), name
    tier = project.query(
        "select count(*) from intercom.contacts_flat "
        "where plan_tier is distinct from (custom_attributes ->> 'plan_tier')"
    )
    assert tier == [(0,)]


@pytest.mark.long
@pytest.mark.every_kind
def test_a_new_attribute_appears_by_itself_and_names_that_collide_are_both_there(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("contacts")
    contact = next(iter(sandbox.workspace.contacts))
    _give(sandbox, contact, Email="theirs", EMAIL="louder", **{"a/b~c": 7, 'it\'s "new"': True})
    assert made(project.run("contacts"))["contacts_flat"] == "The view was made."
    row = project.query(
        'select email, "EMAIL__2", "Email__3", "a/b~c", "it\'s ""new""" '
        f"from intercom.contacts_flat where id = '{contact}'"
    )
    email = sandbox.workspace.contacts[contact]["email"]
    assert row == [(email, "louder", "theirs", 7, True)]
    # A name that came later takes no column from one that was there, and types widen.
    _give(sandbox, contact, eMAIL="latest", **{"a/b~c": "seven"})
    project.run("contacts")
    row = project.query(
        'select "EMAIL__2", "Email__3", "eMAIL__4", "a/b~c" '
        f"from intercom.contacts_flat where id = '{contact}'"
    )
    assert row == [("louder", "theirs", "latest", "seven")]


def test_relations_are_assets_with_documentation_and_lineage() -> None:
    keys = {name: dg.AssetKey(["crm", name]) for name in ("conversations", "contact_attributes")}
    specs = {spec.key.path[-1]: spec for spec in relation_specs(keys)}
    assert "contact_tags" not in specs
    spec = specs["conversation_tags"]
    assert spec.key == dg.AssetKey(["crm", "conversation_tags"])
    assert spec.group_name == "relations"
    assert [dep.asset_key for dep in spec.deps] == [keys["conversations"]]
    assert all(column.description for column in spec.metadata["dagster/column_schema"].columns)
    lineage = spec.metadata["dagster/column_lineage"].deps_by_column
    deps = {name: [(dep.asset_key, dep.column_name) for dep in lineage[name]] for name in lineage}
    assert deps["conversation_id"] == [(keys["conversations"], "id")]
    assert deps["applied_at"] == [(keys["conversations"], "tags")]


@pytest.mark.parametrize("switch, there", [("off", False), ("", True)])
def test_a_switch_turns_relations_and_models_off(
    switch: str, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERCOM_MODELS", switch)
    graph = build_intercom_definitions().resolve_asset_graph()
    assert (dg.AssetKey("contact_tags") in graph.get_all_asset_keys()) is there


def test_a_table_of_another_version_of_intercom_works(project: Project) -> None:
    """Parents of an article, states of a ticket type, and what else differs or is not unwrapped."""
    articles = [
        {"id": "1", "parent_ids": json.dumps([5, 6]), "parent_id": None, "parent_type": None},
        {"id": "2", "parent_ids": None, "parent_id": "7", "parent_type": "collection"},
        {"id": "3", "parent_ids": None, "parent_id": "0", "parent_type": None},
    ]
    rows = ", ".join(
        f"('{a['id']}', {repr(a['parent_ids']) if a['parent_ids'] else 'null'}, "
        f"{repr(a['parent_id']) if a['parent_id'] else 'null'}, "
        f"{repr(a['parent_type']) if a['parent_type'] else 'null'})"
        for a in articles
    )
    execute(project, "create schema intercom")
    execute(
        project,
        "create table intercom.articles as select id, parent_ids::json as parent_ids, parent_id, "
        "parent_type, now() as _synced_at "
        f"from (values {rows}) as t(id, parent_ids, parent_id, parent_type)",
    )
    io_manager = project.resources()["intercom_io_manager"]
    assert isinstance(io_manager, IntercomDuckDBIOManager)
    problems = [each.problem for each in make_relations(io_manager.warehouse(), "articles")]
    assert problems == [None, None]
    assert sorted(project.query("from intercom.article_collections")) == [
        ("1", 1, "5"),
        ("1", 2, "6"),
        ("2", 1, "7"),
    ]
