"""How much a step asks of DuckDB: beside other streams each statement waits for its turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest

from intercom_assets_tests.conftest import Project

# A machine that stalls for seconds makes a step commit once more.
ONE_COMMIT = 15


@contextmanager
def statements() -> Iterator[list[str]]:
    """Gathers what DuckDB is asked."""
    asked: list[str] = []
    execute = duckdb.DuckDBPyConnection.execute

    def executed(connection: Any, query: Any, *rest: Any) -> Any:
        # How often somebody looks who else is there depends on the time that all of it takes.
        if "duckdb_connection_count" not in query:
            asked.append(query)
        return execute(connection, query, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb.DuckDBPyConnection, "execute", executed)
        yield asked


@pytest.mark.parametrize(
    ("stream", "first", "later"),
    [("tags", 75, 70), ("contacts", 149, 62), ("conversation_parts", 138, 81)],
)
def test_a_step_asks_no_more_than_when_this_was_counted(
    project: Project, stream: str, first: int, later: int
) -> None:
    """Nothing else would notice if it were twice as much."""
    project.checks = project.relations = True
    project.run("conversations")
    for most in (first, later):
        with statements() as asked:
            project.run(stream)
        assert most / 2 < len(asked) <= most + ONE_COMMIT, asked
