"""Somebody else in the same process has the database open, too."""

from __future__ import annotations

import threading
from typing import Any

import duckdb
import pytest

from intercom_assets.assets import IO_MANAGER_KEY
from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.conftest import Project

AS_DAGSTER = {"custom_user_agent": "dagster"}


def limit_of(connection: duckdb.DuckDBPyConnection) -> Any:
    row = connection.execute("select current_setting('memory_limit')").fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def usual() -> Any:
    with duckdb.connect() as connection:
        return limit_of(connection)


def test_a_query_beside_a_run_and_after_it_has_the_memory_that_it_had(
    project: Project, usual: Any
) -> None:
    project.run("tags")
    with duckdb.connect(str(project.database), config=AS_DAGSTER) as theirs:
        project.run("tags", "segments")
        assert limit_of(theirs) == usual
        theirs.execute("set memory_limit = '3GB'")
        chosen = limit_of(theirs)
        project.run("tags")
        assert limit_of(theirs) == chosen != usual


def test_whoever_comes_in_the_middle_keeps_no_limit_of_ours(
    sandbox: Sandbox, project: Project, usual: Any
) -> None:
    project.run("tags")
    theirs: list[duckdb.DuckDBPyConnection] = []

    def come_in(request: Any) -> None:
        if request.path == "/segments" and not theirs:
            theirs.append(duckdb.connect(str(project.database), config=AS_DAGSTER))

    sandbox.on_request = come_in
    project.run("segments")
    assert limit_of(theirs[0]) == usual
    theirs[0].close()


def test_a_query_that_starts_while_ours_has_a_limit_has_memory_at_once(project: Project) -> None:
    """One that takes 100 MB and may not spill, in each of twenty runs' connections."""
    query = "select count(*) from (select i from range(1000000) t(i) group by i)"
    for number in range(20):
        project.database = project.database.with_name(f"{number}.duckdb")
        store = project.resources()[IO_MANAGER_KEY].warehouse()
        with (
            store.connection(),
            duckdb.connect(str(project.database), config=AS_DAGSTER) as theirs,
        ):
            theirs.execute("set temp_directory = ''")
            assert theirs.execute(query).fetchall() == [(1_000_000,)]


def test_a_connection_with_another_configuration_is_waited_for(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("tags")
    theirs = duckdb.connect(str(project.database), config={"threads": 1})
    threading.Timer(1.0, theirs.close).start()
    assert project.run("tags").success


@pytest.mark.parametrize("config", [{}, {"custom_user_agent": "dagster"}])
def test_a_connection_that_stays_open_is_in_nobodys_way(
    project: Project, config: dict[str, Any]
) -> None:
    """Such as a notebook's, by duckdb.connect or by Dagster's resource."""
    project.io_manager["lock_timeout"] = 0.2
    with duckdb.connect(str(project.database), config=config) as theirs:
        project.run("tags")
        assert theirs.execute("select count(*) > 0 from intercom.tags").fetchall() == [(True,)]


def test_one_that_stays_is_named_with_what_to_do(sandbox: Sandbox, project: Project) -> None:
    project.run("tags")
    project.io_manager["lock_timeout"] = 0.2
    with duckdb.connect(str(project.database), config={"threads": 1}):
        result = project.run("tags", raise_on_error=False)
    failure = result.failure_data_for_node("tags")
    assert failure is not None
    assert "the same DuckDBResource" in str(failure.user_failure_data)
