"""A database file written anew, without the pages that nothing uses any more.

DuckDB leaves what was deleted in such pages until it needs them for something else: neither
``checkpoint`` nor ``vacuum`` takes it out of the file.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from intercom_assets.warehouse.holding import alone
from intercom_assets.warehouse.names import quote

_NEW = "_compacted"


def compact(file: Path) -> None:
    """Writes a database file anew; nobody else can have it open meanwhile.

    Args:
        file: The file. For a while there is another one of its size beside it.

    Raises:
        duckdb.Error: When somebody has it open, or it cannot be copied; it is then as it was.
    """
    fresh = file.with_name(f"{file.name}.compacted")
    fresh.unlink(missing_ok=True)
    with alone(str(file)):
        try:
            with duckdb.connect(str(file)) as connection:
                row = connection.execute("select current_database()").fetchone()
                own = quote(row[0] if row else file.stem)
                place = str(fresh).replace("'", "''")
                connection.execute(f"attach '{place}' as {_NEW}")
                connection.execute(f"copy from database {own} to {_NEW}")
                connection.execute(f"detach {_NEW}")
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
            fresh.with_name(f"{fresh.name}.wal").unlink(missing_ok=True)
