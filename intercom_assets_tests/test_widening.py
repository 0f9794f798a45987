"""Columns that get a wider type: what hangs on the table stays, and no death loses anything."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.warehouse.errors import DatabaseUnavailable, IncompatibleTable
from intercom_assets_tests.landings import ask, execute_and_die, install, land_and_die
from intercom_assets_tests.processes import Forker, forker, job_of
from intercom_assets_tests.test_interruptions import problems
from intercom_assets_tests.test_rules_guards import MERGED, MONDAY, Things, things

__all__ = ["things"]  # a fixture

STREAMS = ("contacts", "tags")
FAR_AWAY = "Asia/Tokyo"
OTHER_DUCKDBS = ("1.4.4", "1.5.5", "2.0.1")


@pytest.fixture
def tiny() -> Iterator[Sandbox]:
    with Sandbox(contacts=9, companies=2, conversations=2) as sandbox:
        yield sandbox


def widen(sandbox: Sandbox) -> None:
    """Makes text an object and a time a text, in tables that are merged and replaced."""
    sandbox.workspace.clock.advance(3_600)
    for ident in sandbox.workspace.contacts:
        sandbox.workspace.update("contacts", ident, name={"first": ident}, signed_up_at="soon")
    for ident in sandbox.workspace.tags:
        sandbox.workspace.update("tags", ident, touch=False, name={"en": ident})


def die_while_it_widens(runs: Forker, sandbox: Sandbox, folder: Path) -> int:
    """Kills a run that widens columns at each of its boundaries; returns how many there are."""
    before = folder / "before"
    before.mkdir()
    wanted: dict[str, Any] = {"commit_rows": 8}
    assert runs.run(job_of(sandbox, before, *STREAMS, **wanted)).success
    widen(sandbox)
    boundary = 0
    while True:
        after = folder / str(boundary)
        shutil.copytree(before, after)
        died = runs.run(job_of(sandbox, after, *STREAMS, die_at=boundary, **wanted))
        ended = runs.run(job_of(sandbox, after, *STREAMS, **wanted))
        assert ended.success, ended.errors
        assert problems(sandbox, after, STREAMS) == {}
        if died.signal == 0:
            assert died.success, died.errors
            return boundary
        assert died.signal == signal.SIGKILL
        boundary += 1


@pytest.mark.long
def test_killed_after_the_commit_that_widens_the_file_opens(things: Things) -> None:
    check_that_it_opens(things, TZ=FAR_AWAY)


def check_that_it_opens(things: Things, **env: str) -> None:
    old = [{"id": str(n), "name": "a", "count": n, "updated_at": MONDAY} for n in range(9)]
    new = [{"id": str(n), "name": {"x": n}, "count": "n", "updated_at": "soon"} for n in range(4)]
    land_and_die(things.database, MERGED, *old, **env)
    land_and_die(things.database, MERGED, *new, **env)
    assert ask(
        things.database, "select name, count, updated_at from intercom.things order by id", **env
    ) == [[f'{{"x":{n}}}', "n", "soon"] for n in range(4)] + [
        ['"a"', str(n), MONDAY] for n in range(4, 9)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("version", OTHER_DUCKDBS)
def test_killed_after_the_commit_that_widens_the_file_opens_with_each_duckdb(
    things: Things, tmp_path: Path, version: str
) -> None:
    env = {"TZ": FAR_AWAY, "PYTHONPATH": str(install(version, tmp_path))}
    assert ask(things.database, "select version()", **env) == [[f"v{version}"]]
    check_that_it_opens(things, **env)


@pytest.mark.slow
@pytest.mark.parametrize("version", OTHER_DUCKDBS)
def test_killed_at_each_boundary_while_it_widens_with_each_duckdb(
    tiny: Sandbox, tmp_path: Path, version: str
) -> None:
    path = install(version, tmp_path)
    with forker(tmp_path, TZ=FAR_AWAY, PYTHONPATH=str(path)) as runs:
        assert die_while_it_widens(runs, tiny, tmp_path) > 30


# Fewer would be odd values, which change no column.
WIDER = [
    {"id": id, "name": {"x": 1}, "count": "many", "updated_at": MONDAY} for id in ("2", "3", "4")
]


@pytest.mark.parametrize("name", ["things", "intercom"])
def test_what_users_hung_on_a_table_stays_when_a_column_widens(tmp_path: Path, name: str) -> None:
    """Also in a file that is called as the schema is, where a name in two parts is ambiguous."""
    things = Things(tmp_path / f"{name}.duckdb")
    things.land({"id": "1", "name": "a", "count": 5, "updated_at": MONDAY})
    table = f"{name}.intercom.things"
    for statement in (
        f"comment on column {table}.count is 'how many, it''s told'",
        f"comment on table {table} is 'all of them'",
        f"alter table {table} alter id set not null",
        f"alter table {table} alter count set default 0",
        f"create index mine on {table} (count)",
        f"create unique index ours on {table} (lower(id))",
        f"create macro {name}.intercom.all_of_it() as table from {table}",
    ):
        things.query(statement)
    before = [row[0] for row in things.query(f"describe {table}")]
    things.land(*WIDER)
    described = things.query(f"describe {table}")
    assert [row[0] for row in described] == before
    assert dict(row[:2] for row in described)["name"] == "JSON"
    assert things.query(
        "select column_name, comment, column_default, is_nullable from duckdb_columns() where "
        "table_name = 'things' and column_name in ('id', 'count') order by 1"
    ) == [("count", "how many, it's told", "0", True), ("id", None, None, False)]
    assert things.query("select comment from duckdb_tables() where table_name = 'things'") == [
        ("all of them",)
    ]
    indexes = things.query("select index_name, is_unique from duckdb_indexes() order by 1")
    assert indexes == [("mine", False), ("ours", True)]
    assert len(things.query(f"from {name}.intercom.all_of_it()")) == 4
    assert len(things.query(f"select id from {table} where count = 'many'")) == 3


@pytest.mark.parametrize("obstacle", ["a foreign key", "a check"])
def test_what_stands_in_the_way_of_a_wider_column_is_named_and_nothing_changes(
    things: Things, obstacle: str
) -> None:
    things.land({"id": "1", "name": "a", "count": 5, "updated_at": MONDAY})
    if obstacle == "a check":
        columns = "id varchar, name varchar, count bigint check (count < 9)"
        things.query(f"create or replace table intercom.things ({columns})")
    else:
        things.query("alter table intercom.things add primary key (id)")
        things.query("create table intercom.lines (thing varchar references intercom.things(id))")
    before = things.query("from intercom.things")
    with pytest.raises(IncompatibleTable, match="count become") as refused:
        things.land(*WIDER)
    assert {"a check": "CHECK((count < 9))", "a foreign key": '"lines"'}[obstacle] in str(refused)
    assert things.query("from intercom.things") == before


@pytest.mark.slow
def test_a_file_that_an_older_release_left_with_an_expression_in_its_log_is_rescued_as_documented(
    things: Things,
) -> None:
    land_and_die(things.database, MERGED, {"id": "1", "name": "a", "updated_at": MONDAY})
    execute_and_die(
        things.database,
        "alter table intercom.things alter name set data type json using to_json(name);",
    )
    with pytest.raises(DatabaseUnavailable, match=r"docs/reliability\.md"):
        things.query("from intercom.things")
    text = (Path(__file__).parent.parent / "docs" / "reliability.md").read_text()
    rescue = text.split("```python\n", 1)[1].split("```", 1)[0]
    code = rescue.replace("warehouse.duckdb", str(things.database))
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TZ": FAR_AWAY}, check=True)
    assert things.rows("id, name, updated_at::varchar") == [("1", '"a"', "2024-01-01 00:00:00+00")]
