"""What a DuckLake needs from time to time, for each commit leaves a snapshot and small files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from intercom_assets.warehouse.again import again
from intercom_assets.warehouse.database import Warehouse
from intercom_assets.warehouse.kinds.ducklake import NAME
from intercom_assets.warehouse.place import literal

# A query that began before a file was replaced may still read it.
FILES_STAY_HOURS = 24.0
# A commit writes its files first, and until it is done no snapshot knows them: they look like those
# of a killed writer.
LEAST_STAY_HOURS = 1.0
# A file of which so many rows are gone is written anew. DuckLake merges only files without any; to
# write a large one anew for a few rows would cost more than it saves.
REWRITE_SHARE = 0.05


class Maintenance:
    """What a DuckLake needs from time to time.

    Args:
        warehouse: The lake.
        keep_days: How long what tables were like can still be asked for.
        files_stay_hours: How long a file stays that no snapshot needs any more.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        keep_days: float,
        files_stay_hours: float = FILES_STAY_HOURS,
    ) -> None:
        self.warehouse = warehouse
        self._keep_seconds = keep_days * 86_400
        self._stay_seconds = files_stay_hours * 3_600

    def run(self) -> Iterator[tuple[str, int]]:
        """Does all of it, beside whoever reads and writes; yields what was done, how often."""
        snapshots = f"older_than => {_ago(self._keep_seconds)}"
        files = f"older_than => {_ago(self._stay_seconds)}"
        yield "tables whose small rows were written to files", self._call("flush_inlined_data")
        yield "snapshots expired", self._call("expire_snapshots", snapshots)
        share = f"delete_threshold => {REWRITE_SHARE}"
        yield "tables whose deleted rows were dropped", self._call("rewrite_data_files", share)
        yield "tables whose files were merged", self._call("merge_adjacent_files")
        yield "files removed", self._call("cleanup_old_files", files)
        yield "orphaned files removed", self._call("delete_orphaned_files", files)

    @again
    def _call(self, function: str, *arguments: str) -> int:
        """Calls one of DuckLake's functions; gives how many things it did something with."""
        given = ", ".join([literal(NAME), *arguments])
        with self.warehouse.transaction() as connection:
            rows: list[Any] = connection.execute(f"call ducklake_{function}({given})").fetchall()
        return len(rows)


def _ago(seconds: float) -> str:
    return f"now() - to_seconds({seconds})"
