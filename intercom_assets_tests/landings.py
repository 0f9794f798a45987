"""A load in a process of its own, which dies after its commit while the file is still open.

What it has committed is then in DuckDB's log only, and whoever opens the file next replays that.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.spec import TableSpec


def land_and_die(database: Path, spec: TableSpec, *records: dict[str, Any], **env: str) -> None:
    """Lands records in ``intercom.things`` in a process that dies once they are committed.

    Args:
        database: The DuckDB file.
        spec: The table.
        records: What to land.
        env: Further variables of the process.
    """
    _run(["land", str(database), json.dumps([vars(spec), records])], -signal.SIGKILL, env)


def execute_and_die(database: Path, sql: str, **env: str) -> None:
    """Executes a statement in a process that dies once it is committed."""
    _run(["execute", str(database), sql], -signal.SIGKILL, env)


def ask(database: Path, sql: str, **env: str) -> Any:
    """The rows of a query in a process of its own, whose values must be what JSON can hold."""
    return json.loads(_run(["ask", str(database), sql], 0, env))


def install(version: str, folder: Path) -> Path:
    """A folder with a DuckDB that goes before the environment's own on PYTHONPATH."""
    target = folder / f"duckdb-{version}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-deps", "--target", str(target), f"duckdb=={version}"],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"DuckDB {version} cannot be installed: {done.stderr.strip()[-200:]}")
    return target


def _run(arguments: list[str], ends: int, env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "intercom_assets_tests.landings", *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == ends, done.stderr
    return done.stdout


@contextmanager
def _connection(database: str) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(database) as connection:
        yield connection
        os.kill(os.getpid(), signal.SIGKILL)


def main(what: str, database: str, told: str) -> None:
    """Does what the arguments say."""
    if what == "ask":
        with duckdb.connect(database) as connection:
            connection.execute("set TimeZone = 'UTC'")
            print(json.dumps(connection.execute(told).fetchall()))
        return
    if what == "execute":
        with _connection(database) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(told)
    spec, records = json.loads(told)
    # The claim is a commit of its own.
    landing = Landing(
        Warehouse(lambda: duckdb.connect(database), "intercom"),
        "things",
        TableSpec(**{**spec, "key": tuple(spec["key"])}),
        "workspace",
        "run",
    )
    landing.warehouse = Warehouse(lambda: _connection(database), "intercom")
    landing.commit([Batch(records, SyncState())])


if __name__ == "__main__":
    main(*sys.argv[1:])
