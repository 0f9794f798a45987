"""Our own tables and the names that everything is looked up by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.schema_checks import NAME
from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing
from intercom_assets.warehouse.errors import NewerLayout, WrongSource
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.test_rules_guards import MERGED, MONDAY, Things, report, things

pytestmark = pytest.mark.every_kind

__all__ = ["things"]  # a fixture

RECORD = {"id": "1", "name": "a", "updated_at": MONDAY}


def test_tables_of_a_newer_layout_are_refused_by_a_version_that_does_not_know_it(
    things: Things,
) -> None:
    things.land(RECORD)
    things.query("update intercom._layout set version = 99, package = '9.8.7'")
    before = things.query("from intercom.things")
    with pytest.raises(NewerLayout, match=r"intercom_assets 9\.8\.7.*upgrade it here too"):
        things.land(RECORD)
    assert things.query("from intercom.things") == before
    things.query("delete from intercom._layout")  # as an older version left it
    things.land(RECORD)
    known = things.warehouse.kind.layout
    assert things.query("select version from intercom._layout") == [(known,)]


@pytest.mark.long
@pytest.mark.parametrize("table", ["_sync_state", "_ledger", "_seen", "_columns", "_layout"])
def test_columns_that_a_newer_version_adds_to_our_tables_are_left_alone(
    sandbox: Sandbox, project: Project, table: str
) -> None:
    project.run("conversations", "conversation_parts")
    for stream in ("conversations", "conversation_parts"):
        book = "intercom._layout" if table == "_layout" else project.book(table, stream)
        project.query(f"alter table {book} add column if not exists newer varchar")
    sandbox.workspace.change(6)
    project.run("conversations", "conversation_parts", full_refresh=True)
    assert project.differences("conversations", "conversation_parts") == {}


@pytest.mark.long
def test_a_schema_that_is_there_in_another_case_is_the_same(
    sandbox: Sandbox, project: Project
) -> None:
    both = ("conversations", "conversation_parts")
    project.run(*both)
    project.io_manager["schema_name"] = "InterCom"
    project.run(*both)
    assert project.metadata("conversations")["intercom/inserted"] == 0
    assert project.metadata("conversation_parts")["intercom/calls"] <= 3
    assert project.differences(*both) == {}


def test_a_table_of_capitals_is_written_again_and_again(things: Things) -> None:
    for name in ("a", "b"):
        landing = Landing(things.warehouse, "Things", MERGED, "workspace", f"run {name}")
        landing.commit([Batch([{**RECORD, "name": name, "updated_at": None}], SyncState())])
    assert things.query('select name from intercom."Things"') == [("b",)]
    assert things.warehouse.ask(lambda c: things.warehouse.books(c).bookmark("Things")) == 0


@pytest.mark.file_only
def test_a_workspace_that_intercom_does_not_name_is_not_stored_and_one_that_was_heals(
    tmp_path: Path,
) -> None:
    things = Things(tmp_path / "things.duckdb")

    def land(source: str, stream: str = "things") -> None:
        Landing(things.warehouse, stream, MERGED, source, "run").commit(
            [Batch([RECORD], SyncState())]
        )

    def sources() -> list[Any]:
        return things.query("select stream, source from intercom._sync_state order by 1")

    land("")
    assert sources() == [("things", None)]
    land("", "others")
    things.query("update intercom._sync_state set source = ''")  # as an earlier version did
    land("workspace")
    assert sources() == [("others", ""), ("things", "workspace")]
    land("workspace", "others")
    land("")
    assert sources() == [("others", "workspace"), ("things", "workspace")]
    with pytest.raises(WrongSource, match="holds data of Intercom workspace 'workspace'"):
        land("another")


@pytest.mark.long
def test_the_check_of_columns_passes_after_the_documented_recovery_and_tells_of_real_changes(
    sandbox: Sandbox, project: Project
) -> None:
    project.checks = True

    def check() -> Any:
        found = project.run("conversations").get_asset_check_evaluations()
        return next(each for each in found if each.check_name == NAME)

    assert check().passed and check().passed
    report(project, dg.AssetMaterialization, "conversations", intercom__bookmark="2024-01-01")
    assert check().passed
    first = next(iter(sandbox.workspace.conversations))
    sandbox.workspace.update("conversations", first, colour="red")
    found = check()
    assert not found.passed and found.description == "added: colour"
    assert check().passed
