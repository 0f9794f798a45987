"""One process at a time has the database open.

DuckDB's own lock does not see to that. It reads the header of a file before it locks the file, and
not again (seen with 2.0.1): a process that opens the file while another one writes its checkpoint
goes on from what was there before, and its commit overwrites the other's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from intercom_assets.warehouse.location import local_file
from intercom_assets.warehouse.turns import lock_path


@contextmanager
def alone(database: str) -> Iterator[None]:
    """Keeps other processes out; threads of this one may come in.

    The lock is a file beside the database, so that containers that share its volume share the lock.
    Two threads must not enter or leave at the same moment.

    Args:
        database: The database's path.

    Raises:
        duckdb.IOException: When another process is in, as DuckDB says it.
    """
    lock = _acquired(database)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _acquired(database: str) -> FileLock | None:
    """The lock, held; None where there can be no such file, of which DuckDB says what is wrong."""
    file = local_file(database)
    if file is None or not file.parent.is_dir():
        return None
    note = lock_path(database, "")
    lock, owner = _lock(file.with_name(f"{file.name}.lock")), note.with_suffix(".owner")
    was_in = lock.is_locked
    try:
        lock.acquire(timeout=0)
    except Timeout:
        name = owner.read_text() if owner.exists() else "another process"
        raise duckdb.IOException(f'Could not set lock on "{database}": {name} holds it') from None
    except OSError:
        return None
    if not was_in:
        # Only for the others' logs: a full disk must not keep the lock from being given back.
        with suppress(OSError):
            owner.write_text(f"process {os.getpid()}")
    return lock


@cache
def _lock(path: Path) -> FileLock:
    return FileLock(path, thread_local=False)
