"""Somebody else in the same process has the database open, too."""

from __future__ import annotations

import threading
from typing import Any

import duckdb
import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.conftest import Project


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
    with duckdb.connect(str(project.database), config={"custom_user_agent": "dagster"}) as theirs:
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
            config = {"custom_user_agent": "dagster"}
            theirs.append(duckdb.connect(str(project.database), config=config))

    sandbox.on_request = come_in
    project.run("segments")
    assert limit_of(theirs[0]) == usual
    theirs[0].close()


def test_a_connection_with_another_configuration_is_waited_for(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("tags")
    theirs = duckdb.connect(str(project.database), config={"threads": 1})
    threading.Timer(1.0, theirs.close).start()
    assert project.run("tags").success


def test_one_that_stays_is_named_with_what_to_do(sandbox: Sandbox, project: Project) -> None:
    project.run("tags")
    project.io_manager["lock_timeout"] = 0.2
    with duckdb.connect(str(project.database), config={"threads": 1}):
        result = project.run("tags", raise_on_error=False)
    failure = result.failure_data_for_node("tags")
    assert failure is not None
    assert "the same DuckDBResource" in str(failure.user_failure_data)
