"""The core streams: what Intercom holds is what the tables hold, at once and after changes."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import pandas as pd
import pytest

from intercom_assets.assets import IO_MANAGER_KEY, build_intercom_assets
from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.conftest import CORE, Project


def test_every_table_agrees_with_intercom_field_by_field(
    make_project: Callable[..., Project],
) -> None:
    with Sandbox() as sandbox:  # the default sizes, in which every field and shape occurs
        project = make_project(sandbox)
        project.run()
        assert project.differences() == {}
        for stream in CORE:
            rows = project.query(f"select count(*) from intercom.{stream}")[0][0]
            assert project.metadata(stream)["dagster/row_count"] == rows > 0


def test_a_second_run_brings_exactly_the_changes(sandbox: Sandbox, project: Project) -> None:
    project.run()
    first = project.query("select max(_synced_at) from intercom.conversation_parts")[0][0]
    space = sandbox.workspace
    contact, company, conversation = (
        next(iter(held)) for held in (space.contacts, space.companies, space.conversations)
    )
    space.update("contacts", contact, name="Someone Else")
    created = space.create("contacts")["id"]
    space.update("companies", company, name="Another Name")
    space.add_part(conversation)
    space.update("tags", next(iter(space.tags)), name="renamed", touch=False)
    project.run()
    assert project.differences() == {}
    changed = {
        name: (data["intercom/inserted"], data["intercom/updated"], data["intercom/deleted"])
        for name in CORE
        for data in [project.metadata(name)]
    }
    assert changed == {
        **dict.fromkeys(CORE, (0, 0, 0)),
        "contacts": (1, 1, 0),
        "companies": (0, 1, 0),
        "conversations": (0, 1, 0),
        "tags": (0, 1, 0),
        # What every part tells of its conversation is kept up to date, and is no update.
        "conversation_parts": (1, 0, 0),
    }
    synced = project.query("select id from intercom.contacts where _synced_at > ?", first)
    assert {row[0] for row in synced} == {contact, created}
    parts = project.query("select id from intercom.conversation_parts where _synced_at > ?", first)
    assert parts == [(space.parts[conversation][-1]["id"],)]


@pytest.mark.long
def test_a_run_without_changes_changes_nothing(project: Project) -> None:
    project.run()
    before = {name: project.query(f"from intercom.{name} order by all") for name in CORE}
    project.run()
    after = {name: project.query(f"from intercom.{name} order by all") for name in CORE}
    assert before == after


def test_downstream_assets_get_a_frame_with_the_columns_they_ask_for(project: Project) -> None:
    project.run("contacts")
    seen: list[pd.DataFrame] = []

    @dg.asset(
        ins={"contacts": dg.AssetIn(metadata={"columns": ["id", "updated_at"]})},
        io_manager_key="elsewhere",
    )
    def emails(contacts: pd.DataFrame) -> None:
        seen.append(contacts)

    # Materialized by itself, as in another process: the table is what hands the data over.
    result = dg.materialize(
        [*build_intercom_assets(["contacts"]), emails],
        selection=[emails],
        instance=project.instance,
        resources={**project.resources(), "elsewhere": dg.mem_io_manager},
    )
    assert result.success
    assert list(seen[0].columns) == ["id", "updated_at"]
    assert len(seen[0]) == len(project.sandbox.workspace.contacts)
    assert str(seen[0]["updated_at"].dt.tz) == "UTC"


def test_a_value_that_is_no_extraction_is_refused(project: Project) -> None:
    @dg.asset(io_manager_key=IO_MANAGER_KEY)
    def frame() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    result = dg.materialize(
        [frame], instance=project.instance, resources=project.resources(), raise_on_error=False
    )
    assert not result.success
    failure = result.failure_data_for_node("frame")
    assert failure is not None
    assert "another io_manager_key" in str(failure.user_failure_data)


def test_streams_that_do_not_exist_are_named() -> None:
    with pytest.raises(ValueError, match="no such stream: 'contact'"):
        build_intercom_assets(["contact"])
