"""One process at a time has the database open.

DuckDB's own lock does not see to that. It reads the header of a file before it locks the file, and
not again (seen with 2.0.1): a process that opens the file while another one writes its checkpoint
goes on from what was there before, and its commit overwrites the other's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from intercom_assets.warehouse.turns import lock_path


@contextmanager
def alone(database: str) -> Iterator[None]:
    """Keeps this user's other processes on this machine out; threads of this one may come in.

    Two threads must not enter or leave at the same moment.

    Args:
        database: The database's path.

    Raises:
        duckdb.IOException: When another process is in, as DuckDB says it.
    """
    path = lock_path(database, "")
    if path is None:
        yield
        return
    lock, owner = _lock(path), path.with_suffix(".owner")
    was_in = lock.is_locked
    try:
        lock.acquire(timeout=0)
    except Timeout:
        name = owner.read_text() if owner.exists() else "another process"
        raise duckdb.IOException(f'Could not set lock on "{database}": {name} holds it') from None
    try:
        if not was_in:
            owner.write_text(f"process {os.getpid()}")
        yield
    finally:
        lock.release()


@lru_cache(maxsize=32)
def _lock(path: Path) -> FileLock:
    return FileLock(path, thread_local=False)
