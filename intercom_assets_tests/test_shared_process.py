"""Somebody else in the same process has the database open, too."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.warehouse.place import Place
from intercom_assets.warehouse.store import Store
from intercom_assets_tests.conftest import Project

AS_DAGSTER: dict[str, Any] = {"custom_user_agent": "dagster"}


def limit_of(connection: duckdb.DuckDBPyConnection) -> Any:
    row = connection.execute("select current_setting('memory_limit')").fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def usual() -> Any:
    with duckdb.connect() as connection:
        return limit_of(connection)


@pytest.mark.long
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


def test_whoever_comes_within_a_commit_need_not_wait_for_its_end(
    tmp_path: Path, usual: Any
) -> None:
    store = Store(Place(str(tmp_path / "w.duckdb")), memory_limit="48MB")
    warehouse = store.warehouse("intercom", 10.0, print)
    with warehouse.transaction(), duckdb.connect(store.place.database, config=AS_DAGSTER) as theirs:
        deadline = time.monotonic() + 20
        while limit_of(theirs) != usual and time.monotonic() < deadline:
            time.sleep(0.001)
        # DuckDB 1 may tell its usual limit while it keeps to another one.
        theirs.execute("create temp table large as select md5(range::text) from range(2_000_000)")
        assert limit_of(theirs) == usual
        assert theirs.execute(
            "select sum(memory_usage_bytes) > 64_000_000, sum(temporary_storage_bytes) "
            "from duckdb_memory()"
        ).fetchone() == (True, 0)


@pytest.mark.long
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
