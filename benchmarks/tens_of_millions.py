"""A million contacts and ten million parts, made up and landed by the package's own path.

Only the writing is measured: records come from a generator, not over HTTP, and go through the
buffer, the merge and the commit that a run's records go through, in commits of a run's size. Then
the tables are filled up by SQL as far as a hundred million parts of their conversations, and more
of both are landed. It takes DuckDB's extensions for the lake: run it as
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
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.memory import Memory
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.writer import is_full
from intercom_assets_tests.servers import postgres
from intercom_assets_tests.warehouses import (
    book,
    extension_directory,
    new_lake,
    opened,
    warehouse_of,
)

CONTACTS, PARTS, PARTS_OF_ONE = 1_000_000, 10_000_000, 15
# How many times as many parts there are in the end, how many are landed then, and how many change.
GROWTH, MORE, CHANGED = 10, 1_000_000, 10_000
CONVERSATIONS = -(-PARTS // PARTS_OF_ONE)
# One of so many conversations has changed since its parts were read.
ONE_OF = 500
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
            for what, found in json.loads(_run(database, "loaded")).items():
                rate = found["rows"] / found["seconds"]
                told = f"{found['rows']:,} {what} into {name}"
                yield Result(told, rate, 10_000, "rows/s", at_least=True)
                if found["last"]:
                    last = f"the last {TELL_ROWS:,} of them"
                    yield Result(last, found["last"], 8_000, "rows/s", at_least=True)
                yield Result("peak memory until then", found["peak_mb"], 450, "MB")
            yield Result(f"size of {name}", _size(place), 20_000, "MB")
            grown = json.loads(_run(database, "grown"))
            many = f"among {PARTS * GROWTH:,} parts in {name}"
            yield Result(f"{MORE:,} {many}", grown["rate"], 5_000, "rows/s", at_least=True)
            yield Result(f"{CHANGED:,} scattered changes {many}", grown["change"], 60, "s")
            yield Result(f"a page of outstanding conversations {many}", grown["queue"], 60, "s")
            yield Result("peak memory of that", grown["peak_mb"], 1_500, "MB")
            yield Result(f"size of {name} then", _size(place), 20_000, "MB")


def _run(database: str, what: str) -> str:
    """What a process of its own tells, which alone has the memory that is measured."""
    command = [sys.executable, "-m", "benchmarks.tens_of_millions", database, what]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _size(place: Path) -> float:
    files = [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()]
    return sum(file.stat().st_size for file in files) / 2**20


def _warehouse(database: str) -> Warehouse:
    warehouse = warehouse_of(database)
    # As the IO manager has it.
    warehouse._memory_limit, warehouse._memory = "48MB", Memory(warehouse.kind.is_private)
    return warehouse


def _landing(database: str, stream: str, run_id: str) -> Landing:
    spec = SPEC if stream == "contacts" else _table(stream)
    return Landing(_warehouse(database), stream, spec, "here", run_id)


def _table(stream: str) -> TableSpec:
    made = STREAMS[stream](IntercomClient(config={"access_token": "none"}))
    return Extraction(made).table


def loaded(database: str) -> dict[str, dict[str, float]]:
    """What a load of everything takes."""
    found = {
        "contacts": _load(_landing(database, "contacts", "load"), _contacts()),
        "parts": _load(_landing(database, "conversation_parts", "load"), _parts(0, PARTS)),
    }
    with opened(database) as connection:
        for table, name in (("contacts", "contacts"), ("conversation_parts", "parts")):
            counted = f"select count(*), count(distinct id) from intercom.{table}"
            rows = int(found[name]["rows"])
            assert connection.execute(counted).fetchall() == [(rows, rows)]
    return found


def grown(database: str) -> dict[str, float]:
    """What further writing takes once there are many times as many parts."""
    _run(database, "fill")
    landing = _landing(database, "conversation_parts", "more")
    began = time.perf_counter()
    _load(landing, _parts(PARTS * GROWTH, MORE))
    rate = MORE / (time.perf_counter() - began)
    began = time.perf_counter()
    queue = landing.queue()
    assert queue is not None
    page = next(iter(queue.pages(0, 60, None)))
    asked = time.perf_counter() - began
    # The one of which there is no part is outstanding, too.
    assert len(page) == queue.total == CONVERSATIONS * GROWTH // ONE_OF + 1
    changed = _landing(database, "conversation_parts", "change")
    records = [
        {**_part(number), "updated_at": "2026-01-01T00:00:00Z"}
        for number in range(0, PARTS * GROWTH, PARTS * GROWTH // CHANGED)
    ]
    began = time.perf_counter()
    changed.commit([Batch(records, SyncState())])
    seconds = time.perf_counter() - began
    assert changed.changes.updated == CHANGED, changed.changes
    return {"rate": rate, "queue": asked, "change": seconds, "peak_mb": _peak_mb()}


def fill(database: str) -> None:
    """Fills parts, the ledger and conversations up to what a large workspace has."""
    ledger = book(database, "_ledger", "conversation_parts")
    began = _text(BEGAN)
    one = {"id": "0", "created_at": began, "updated_at": began}
    _landing(database, "conversations", "few").commit([Batch([one], SyncState())])
    with opened(database) as connection:
        for n in range(1, GROWTH):
            more = f"::bigint + {n * CONVERSATIONS})::varchar as"
            connection.execute(
                "insert into intercom.conversation_parts by name select * replace ("
                f"(id::bigint + {n * PARTS})::varchar as id, (conversation_id{more} conversation_id"
                f") from intercom.conversation_parts where id::bigint < {10**10 + PARTS}"
            )
            connection.execute(
                f"insert into {ledger} by name select * replace ((parent_id{more} parent_id) "
                f"from {ledger} where parent_id::bigint <= {CONVERSATIONS}"
            )
        changed = f"case parent_id::bigint % {ONE_OF} when 0 then interval 1 hour end"
        connection.execute(
            "insert into intercom.conversations by name select parent_id as id, updated_at as "
            f"created_at, updated_at + coalesce({changed}, interval 0 hour) as updated_at "
            f"from {ledger}"
        )


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
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _contacts() -> Iterator[Batch]:
    for first in range(0, CONTACTS, 500):
        records = [record(number, "2024-01-01") for number in range(first, first + 500)]
        yield Batch(records, SyncState())


def _parts(first: int, count: int) -> Iterator[Batch]:
    """A conversation a batch, as they are read."""
    for number in range(first, first + count, PARTS_OF_ONE):
        few = range(number, min(number + PARTS_OF_ONE, first + count))
        conversation = _conversation(number)
        moment = BEGAN + conversation * 60
        parent = Parent(str(conversation), moment, moment + DAY)
        records = [_part(each) for each in few]
        yield Batch(records, SyncState().with_complete(0, moment), fetched=(parent,))


def _conversation(number: int) -> int:
    """The number of a part's conversation; each multiple of `PARTS` begins a new one."""
    times, rest = divmod(number, PARTS)
    return times * CONVERSATIONS + rest // PARTS_OF_ONE + 1


def _part(number: int) -> dict[str, Any]:
    conversation = _conversation(number)
    at = _text(BEGAN + conversation * 60 + number % PARTS_OF_ONE)
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


def _text(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


if __name__ == "__main__":
    database, what = sys.argv[1:]
    print(json.dumps({"loaded": loaded, "grown": grown, "fill": fill}[what](database)))
