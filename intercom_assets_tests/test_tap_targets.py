"""The tap's output, checked and loaded by programs that others wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets_tests.conftest import SMALL
from intercom_assets_tests.environments import make_environment
from intercom_assets_tests.singer_output import Target
from intercom_assets_tests.test_tap import only
from intercom_assets_tests.truth import disagreements

pytestmark = pytest.mark.slow

PROGRAMS = {
    "singer-check-tap": "singer-tools",
    "target-jsonl": "target-jsonl",
    "target-duckdb": "target-duckdb",
}
# Intercom gives these as text in one record and as an object in another. target-duckdb makes such
# a column JSON and then writes the text into it without quotes, which DuckDB refuses.
MIXED = ("avatar", "assigned_to")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Programs of others, each in an environment of its own."""
    return {
        name: make_environment(tmp_path_factory.mktemp(package) / "env", package) / name
        for name, package in PROGRAMS.items()
    }


@pytest.fixture(scope="module")
def source() -> Iterator[Sandbox]:
    """A sandbox that nobody changes."""
    with Sandbox(**SMALL) as sandbox:
        yield sandbox


def output(sandbox: Sandbox, folder: Path, without: tuple[str, ...] = ()) -> str:
    """What the tap writes."""
    config, catalog = folder / "config.json", folder / "catalog.json"
    config.write_text(json.dumps({"access_token": sandbox.token, "base_url": sandbox.url}))
    catalog.write_text(json.dumps(only(*STREAMS, without=without)))
    command = [sys.executable, "-m", "intercom_assets.tap"]
    command += ["--config", str(config), "--catalog", str(catalog)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def load(program: Path, text: str, folder: Path, *arguments: str) -> str:
    """What a program says of the messages; it must accept them."""
    done = subprocess.run(
        [str(program), *arguments], input=text, capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_singers_own_check_passes(
    source: Sandbox, programs: dict[str, Path], tmp_path: Path
) -> None:
    said = load(programs["singer-check-tap"], output(source, tmp_path), tmp_path)
    assert "The output is valid" in said


def test_everything_arrives_through_target_jsonl(
    source: Sandbox, programs: dict[str, Path], tmp_path: Path
) -> None:
    text = output(source, tmp_path)
    state = load(programs["target-jsonl"], text, tmp_path)
    target = Target().read(text)
    assert json.loads(state) == target.states[-1]
    for name in STREAMS:
        [file] = tmp_path.glob(f"{name}-*.jsonl")
        rows = [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]
        target.tables[name] = dict(enumerate(rows))
        assert target.disagreements(source.workspace, name) == []


def test_everything_arrives_through_target_duckdb(
    source: Sandbox, programs: dict[str, Path], tmp_path: Path
) -> None:
    text, database = output(source, tmp_path, without=MIXED), tmp_path / "target.duckdb"
    config = tmp_path / "target.json"
    config.write_text(json.dumps({"filepath": str(database), "default_target_schema": "main"}))
    load(programs["target-duckdb"], text, tmp_path, "--config", str(config))
    sent = Target().read(text)
    for name in STREAMS:
        rows, types = landed(database, name)
        problems = [
            problem
            for problem in disagreements(source.workspace, name, rows, types, {})
            if not any(field in problem for field in MIXED)
        ]
        # It takes the first row of some loads for the header of a CSV file and drops it: that row
        # is in what we sent.
        lost = {problem.split()[0] for problem in problems if problem.endswith("is missing")}
        assert lost <= {first_sent(text, name)}
        assert {(key,) for key in lost} <= set(sent.tables[name])
        assert [problem for problem in problems if not problem.endswith("is missing")] == []


def first_sent(text: str, stream: str) -> str:
    """The key of the first record of a stream."""
    messages = (json.loads(line) for line in text.splitlines())
    records = (m["record"] for m in messages if m["type"] == "RECORD" and m["stream"] == stream)
    return str(next(records).get("id"))


def landed(database: Path, table: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows and types of a table; its times are in UTC, and do not say so."""
    with duckdb.connect(str(database)) as connection:
        described = connection.execute(f"describe main.{table}").fetchall()
        types = {row[0]: row[1] for row in described}
        rows = connection.execute(f"from main.{table}").fetchall()
    times = {name for name, kind in types.items() if kind == "TIMESTAMP"}
    kinds = {
        name: f"{kind} WITH TIME ZONE" if name in times else kind for name, kind in types.items()
    }
    return [
        {
            "_synced_at": True,
            **{
                name: value.replace(tzinfo=timezone.utc) if name in times and value else value
                for name, value in zip(types, row, strict=True)
            },
        }
        for row in rows
    ], kinds
