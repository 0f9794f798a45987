"""A DuckLake over Postgres beside a DuckDB file: a full load, an increment, a commit.

Only the writing is measured, without Intercom and Dagster. It takes DuckDB's extensions: run it as
``PYTHONPATH=.venv/lake-1.5.5 python -m benchmarks lake``.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.result import Result
from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing
from intercom_assets.warehouse.memory import Memory
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.writer import is_full
from intercom_assets_tests.servers import postgres
from intercom_assets_tests.warehouses import extension_directory, new_lake, opened, warehouse_of

LOADED, LARGE, CHANGED, COMMITS = 1_000_000, 5_000_000, 10_000, 20
TEXT, TIME = {"type": ["string", "null"]}, {"type": ["string", "null"], "format": "date-time"}
OBJECT = {"type": ["object", "null"]}
SPEC = TableSpec(
    key=("id",),
    schema={
        "properties": {
            **dict.fromkeys(("id", "external_id", "email", "name", "phone", "role"), TEXT),
            **dict.fromkeys(("created_at", "updated_at", "last_seen_at"), TIME),
            **dict.fromkeys(("location", "custom_attributes"), OBJECT),
        }
    },
    replace=False,
    version="updated_at",
)


def run() -> Iterator[Result]:
    """Yields the results."""
    if extension_directory() is None:
        print("lake: DuckDB's extensions are not here, see benchmarks/lake.py", file=sys.stderr)
        return
    with postgres() as server, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        databases = {
            "a DuckDB file": str(home / "w.duckdb"),
            "a DuckLake": new_lake(server, "lake", home / "data"),
        }
        for name, database in databases.items():
            found = _in_a_process(database)
            rate = LOADED / found["load"]
            yield Result(f"{LOADED:,} contacts into {name}", rate, 10_000, "rows/s", at_least=True)
            yield Result(f"peak memory of that, {name}", found["peak_mb"], 1_200, "MB")
            yield Result(
                f"{CHANGED:,} changes into {LARGE:,} rows of {name}", found["change"], 10, "s"
            )
            yield Result(f"one commit of 200 rows into {name}", found["commit"], 0.5, "s")


def _in_a_process(database: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.lake", database]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _measure(database: str) -> dict[str, float]:
    warehouse = warehouse_of(database)
    # As the IO manager has it.
    warehouse._memory_limit, warehouse._memory = "48MB", Memory(warehouse.kind.is_private)
    began = time.perf_counter()
    _land(Landing(warehouse, "contacts", SPEC, "workspace", "load"), range(LOADED), "2024-01-01")
    found = {"load": time.perf_counter() - began}
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with opened(database) as connection:
        connection.execute(
            "insert into intercom.contacts by name "
            "select * exclude n replace (id || '-' || n as id) "
            f"from intercom.contacts, range({LARGE // LOADED - 1}) as numbers(n)"
        )
    landing = Landing(warehouse, "contacts", SPEC, "workspace", "change")
    began = time.perf_counter()
    _land(landing, range(0, LOADED, LOADED // CHANGED), "2024-02-01")
    found["change"] = time.perf_counter() - began
    assert landing.changes.updated == CHANGED, landing.changes
    few = Landing(warehouse, "others", SPEC, "workspace", "few")
    began = time.perf_counter()
    for number in range(COMMITS):
        _land(few, range(number * 200, (number + 1) * 200), "2024-01-01")
    found["commit"] = (time.perf_counter() - began) / COMMITS
    return found


def _land(landing: Landing, numbers: range, day: str) -> None:
    """Lands records in commits of the size that the writer makes."""
    for first in range(0, len(numbers), 500):
        records = [record(n, day) for n in numbers[first : first + 500]]
        landing.waiting.add(Batch(records, SyncState()))
        if is_full(landing):
            landing.commit()
    landing.commit()


def record(number: int, day: str) -> dict[str, Any]:
    """A made-up contact."""
    return {
        "id": f"{number:024x}",
        "external_id": str(number),
        "email": f"somebody.{number}@example.com",
        "name": f"Some Body the {number}th",
        "phone": f"+1{number:010}",
        "role": "user",
        "created_at": "2023-01-01T00:00:00Z",
        "updated_at": f"{day}T{number % 24:02}:00:00Z",
        "last_seen_at": "2023-12-31T00:00:00Z",
        "location": {"type": "location", "country": "Ireland", "city": "Dublin"},
        "custom_attributes": {"plan": "pro", "seats": number % 50, "note": "x" * 60},
    }


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1])))
