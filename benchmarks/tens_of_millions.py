"""A million contacts and ten million parts, made up and landed by the package's own path.

Only the writing is measured: records come from a generator, not over HTTP, and go through the
buffer, the merge and the commit that a run's records go through, in commits of a run's size. It
takes DuckDB's extensions for the lake: run it as
``PYTHONPATH=$PWD/.venv/lake-1.5.5 python -m benchmarks tens_of_millions``.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.lake import SPEC, record
from benchmarks.result import Result
from intercom_assets.client import IntercomClient
from intercom_assets.extraction import Extraction
from intercom_assets.streams import STREAMS
from intercom_assets.streams.records import Batch, Parent
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing
from intercom_assets.warehouse.memory import Memory
from intercom_assets.writer import is_full
from intercom_assets_tests.servers import postgres
from intercom_assets_tests.warehouses import extension_directory, new_lake, opened, warehouse_of

CONTACTS, PARTS, PARTS_OF_ONE = 1_000_000, 10_000_000, 15
# What a load must not take longer than; a file is so far then as it is told.
BOUND_SECONDS = float(os.environ.get("BENCH_BOUND_SECONDS", 3_600))
TELL_ROWS = 1_000_000
DAY = 86_400
BEGAN = 1_700_000_000


def run() -> Iterator[Result]:
    """Yields the results."""
    if extension_directory() is None:
        print("DuckDB's extensions are not here, see benchmarks/lake.py", file=sys.stderr)
        return
    with postgres() as server, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        databases = {
            "a DuckLake": (new_lake(server, "lake", home / "data"), home / "data"),
            "a DuckDB file": (str(home / "w.duckdb"), home / "w.duckdb"),
        }
        for name, (database, place) in databases.items():
            command = [sys.executable, "-m", "benchmarks.tens_of_millions", database]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            for what, found in json.loads(done.stdout).items():
                rate = found["rows"] / found["seconds"]
                told = f"{found['rows']:,} {what} into {name}"
                yield Result(told, rate, 1_000, "rows/s", at_least=True)
                yield Result(f"the last {TELL_ROWS:,} of them", found["last"], 500, "rows/s", True)
                yield Result("peak memory until then", found["peak_mb"], 1_200, "MB")
            yield Result(f"size of {name}", _size(place), 20_000, "MB")


def _size(place: Path) -> float:
    files = [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()]
    return sum(file.stat().st_size for file in files) / 2**20


def _measure(database: str) -> dict[str, dict[str, float]]:
    warehouse = warehouse_of(database)
    # As the IO manager has it.
    warehouse._memory_limit, warehouse._memory = "48MB", Memory(warehouse.kind.is_private)
    parts = STREAMS["conversation_parts"](IntercomClient(config={"access_token": "none"}))
    found = {
        "contacts": _load(Landing(warehouse, "contacts", SPEC, "here", "load"), _contacts()),
        "parts": _load(
            Landing(warehouse, "conversation_parts", Extraction(parts).table, "here", "load"),
            _parts(),
        ),
    }
    with opened(database) as connection:
        for table, name in (("contacts", "contacts"), ("conversation_parts", "parts")):
            counted = f"select count(*), count(distinct id) from intercom.{table}"
            rows = int(found[name]["rows"])
            assert connection.execute(counted).fetchall() == [(rows, rows)]
    return found


def _load(landing: Landing, batches: Iterator[Batch]) -> dict[str, float]:
    """Lands batches in commits of the size that the writer makes, as far as the time goes."""
    began = told_at = time.perf_counter()
    rows = told = 0
    last = 0.0
    for batch in batches:
        landing.waiting.add(batch)
        rows += len(batch.records)
        if is_full(landing):
            landing.commit()
        now = time.perf_counter()
        if rows - told >= TELL_ROWS:
            last = (rows - told) / (now - told_at)
            print(f"{landing.name}: {rows:,} rows, {last:,.0f}/s", file=sys.stderr, flush=True)
            told, told_at = rows, now
        if now - began > BOUND_SECONDS:
            break
    landing.commit()
    return {
        "rows": rows,
        "seconds": time.perf_counter() - began,
        "last": last,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _contacts() -> Iterator[Batch]:
    for first in range(0, CONTACTS, 500):
        records = [record(number, "2024-01-01") for number in range(first, first + 500)]
        yield Batch(records, SyncState())


def _parts() -> Iterator[Batch]:
    """A conversation a batch, as they are read."""
    number = conversation = 0
    while number < PARTS:
        conversation += 1
        few = min(PARTS_OF_ONE, PARTS - number)
        moment = BEGAN + conversation * 60
        parent = Parent(str(conversation), moment, moment + DAY)
        records = [_part(number + n, conversation, moment + n) for n in range(few)]
        yield Batch(records, SyncState().with_complete(0, moment), fetched=(parent,))
        number += few


def _part(number: int, conversation: int, moment: int) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    return {
        "type": "conversation_part",
        "id": str(10**10 + number),
        "part_type": "comment",
        "body": f"<p>Answer {number} of conversation {conversation}: {number * 7919 % 10**9}</p>",
        "created_at": at,
        "updated_at": at,
        "notified_at": at,
        "author": {"id": str(number % 5_000), "type": "user", "name": f"Some Body {number % 97}"},
        "attachments": [],
        "redacted": False,
        "conversation_id": str(conversation),
        "conversation_updated_at": at,
    }


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1])))
