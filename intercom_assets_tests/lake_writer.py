"""A process that writes a stream of a lake, a commit after the other: each has rows and a state.

Row and state tell the number of the commit, so that a reader can tell whether it sees whole ones.
"""

from __future__ import annotations

import sys
from typing import Any

from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.lease import Turn
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets_tests.warehouses import Database, book, opened, warehouse_of

ROWS = 15
SPEC = TableSpec(
    key=("id",),
    schema={
        "type": "object",
        "properties": {
            "id": {"type": ["string", "null"]},
            "n": {"type": ["integer", "null"]},
            "updated_at": {"type": ["string", "null"], "format": "date-time"},
        },
    },
    replace=False,
    version="updated_at",
)


def claim(warehouse: Warehouse, stream: str, run_id: str = "run", holder: str = "here") -> Landing:
    """A run's claim, once the stream is free."""
    turn = Turn(holder, 60, print)
    return Landing(warehouse, stream, SPEC, "workspace", run_id, turn=turn)


def commit_next(landing: Landing) -> int:
    """Commits new rows and a change of an old one; gives the commit's number."""
    number = landing.stored.state.bookmark if landing.stored.state else 0
    number += landing.commits + 1
    moment = f"2024-01-01T{number // 60 % 24:02}:{number % 60:02}:00Z"
    records: list[dict[str, Any]] = [
        {"id": f"{number}-{row}", "n": number, "updated_at": moment} for row in range(ROWS)
    ]
    records.append({"id": "newest", "n": number, "updated_at": moment})
    landing.commit([Batch(records, SyncState().with_complete(0, number))])
    return number


def count_whole_commits(database: Database, stream: str) -> int:
    """How many commits a reader sees, all of them whole; 0 where nothing is yet."""
    with opened(database) as connection:
        connection.begin()
        tables = {
            row[0]
            for row in connection.execute("select table_name from duckdb_tables()").fetchall()
        }
        if stream not in tables:
            return 0
        [(rows, newest)] = connection.execute(
            f"select count(*) filter (id <> 'newest'), max(n) filter (id = 'newest') "
            f"from intercom.{stream}"
        ).fetchall()
        [(state,)] = connection.execute(
            "select epoch(json_extract_string(state, '$.complete[0][1]')::timestamptz) "
            f"from {book(database, '_sync_state', stream)}"
        ).fetchall()
        connection.rollback()
    stored = int(state or 0)
    assert (rows, newest or 0) == (ROWS * stored, stored), (stream, rows, newest, state)
    return stored


def main(database: str, stream: str, holder: str, commits: str) -> None:
    """Commits so often, and tells of each commit."""
    landing = claim(warehouse_of(database), stream, f"run of {holder}", holder)
    print("claimed", flush=True)
    for _ in range(int(commits)):
        print(commit_next(landing), flush=True)
    landing.give_up()


if __name__ == "__main__":
    main(*sys.argv[1:])
