"""A DuckLake: tables as Parquet files on a disk or in object storage, the catalogue in Postgres.

Commits conflict by the table, not by the row, so each stream has our own tables to itself. To open
a lake costs most of a second; a process opens it once, and then gives cursors.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.warehouse import initial_sql
from intercom_assets.warehouse.errors import DatabaseUnavailable, reason
from intercom_assets.warehouse.kinds import lost_commits
from intercom_assets.warehouse.kinds.attached import attach
from intercom_assets.warehouse.kinds.file import AS_DAGSTER
from intercom_assets.warehouse.kinds.kind import BROKEN, Kind
from intercom_assets.warehouse.kinds.spilling import room_to_spill
from intercom_assets.warehouse.place import Place, literal
from intercom_assets.warehouse.torn import mended

# What the lake is attached as.
NAME = "lake"
# DuckDB's extensions, by what a catalogue's or a data path's address begins with.
EXTENSIONS = {
    "postgres:": "postgres_scanner",
    "mysql:": "mysql_scanner",
    "sqlite:": "sqlite_scanner",
    "s3:": "httpfs",
    "gs:": "httpfs",
    "gcs:": "httpfs",
    "r2:": "httpfs",
    "http:": "httpfs",
    "https:": "httpfs",
    "az:": "azure",
    "azure:": "azure",
    "abfss:": "azure",
}
# How often DuckLake itself repeats a commit that another one of the lake came before: ten times by
# default, which eight writers use up.
SETTINGS = {"ducklake_max_retry_count": 100}

_opened: dict[str, DuckDBPyConnection] = {}
_opening = threading.Lock()


def close_all() -> None:
    """Has whoever comes next open each lake anew; who is in one stays in it."""
    _opened.clear()


def _forget_the_parents() -> None:
    """A DuckDB instance does not live on in a forked process, and must not say goodbye there to
    servers that the parent still talks to."""
    global _opening
    _leave_open(*_opened.values())
    _opened.clear()
    _opening = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_the_parents)


@contextmanager
def connect(place: Place) -> Iterator[DuckDBPyConnection]:
    """A cursor of the process's one instance, with the lake as its current database."""
    key = repr(place)
    with _opening:
        instance = _opened.get(key)
        if instance is None:
            instance = _opened[key] = _open(place)
        cursor = instance.cursor()
    try:
        initial_sql.set_again(cursor, place)
        cursor.execute(f"use {NAME}")
        yield cursor
    except BaseException as problem:
        is_invalid = _is_invalid(cursor)
        with _opening:
            if (is_invalid or DUCKLAKE.is_broken(problem)) and _opened.get(key) is instance:
                # Whoever comes next opens the lake anew.
                del _opened[key]
        if is_invalid:
            _leave_open(cursor, instance)
        else:
            cursor.close()
        raise
    cursor.close()


def _is_invalid(cursor: DuckDBPyConnection) -> bool:
    """Whether somebody in the process, maybe in another thread, has broken the instance."""
    try:
        cursor.execute("select 1")
    except duckdb.Error as problem:
        return any(sign in str(problem) for sign in BROKEN)
    return False


def _leave_open(*connections: DuckDBPyConnection) -> None:
    """Keeps connections for ever: a transaction cannot be undone in a broken instance, and DuckDB
    1.5 ends the whole process when it finds that out while it closes one."""
    for connection in connections:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _open(place: Place) -> DuckDBPyConnection:
    config = {**AS_DAGSTER, **room_to_spill(), **place.settings}
    instance = duckdb.connect(":memory:", config=config)
    try:
        catalogue = place.database.split(":", 1)[1]
        for extension in ["ducklake", *_extensions(catalogue), *_extensions(place.data_path or "")]:
            _load(instance, extension, place)
        for name, value in SETTINGS.items():
            if name not in place.config:
                instance.execute(f"set global {name} = {literal(value)}")
        initial_sql.run(instance, place)
        _attach(instance, place, catalogue)
    except BaseException:
        instance.close()
        raise
    return instance


def _attach(instance: DuckDBPyConnection, place: Place, catalogue: str) -> None:
    try:
        attach(instance, place, NAME)
    except duckdb.Error as problem:
        # A catalogue may be a DuckDB file.
        if not mended(catalogue, problem):
            raise
        attach(instance, place, NAME)


def _extensions(address: str) -> list[str]:
    return [name for start, name in EXTENSIONS.items() if address.casefold().startswith(start)]


def _load(instance: DuckDBPyConnection, name: str, place: Place) -> None:
    try:
        instance.execute(f"load {name}")
        return
    except duckdb.Error:
        pass  # It is not there yet.
    try:
        instance.execute(f"install {name}")
        instance.execute(f"load {name}")
    except duckdb.Error as problem:
        folder = place.extension_directory or "a directory that INTERCOM_EXTENSION_DIRECTORY names"
        version, platform = f"v{duckdb.__version__}", "PLATFORM"
        raise DatabaseUnavailable(
            f"DuckDB's extension {name} is not there and cannot be installed: "
            f"{reason(str(problem))}. Let this machine get at DuckDB's extensions, or put "
            f"the file {version}/{platform}/{name}.duckdb_extension into {folder}"
        ) from problem


DUCKLAKE = Kind(
    connect,
    shares_books=False,
    bulk=8,
    is_private=True,
    attempts=40,
    passing=(
        "Transaction conflict",
        # Two commits that both took the next snapshot's number, more often than DuckLake tries.
        "Exceeded the maximum retry count",
        *(f"HTTP {status}" for status in (408, 429, 500, 502, 503, 504)),
        "SlowDown",
        "Could not establish connection",
        "Timeout was reached",
        # In place of why a file could not be written: then there is none to be taken back.
        "Could not remove file",
    ),
    # What libpq says, and sockets and TLS below it.
    away=(
        "Connection refused",
        "Connection reset",
        "Connection timed out",
        "could not translate host name",
        "no connection to the server",
        "could not receive data from server",
        "could not send data to server",
        "server closed the connection",
        "SSL connection has been closed",
        "SSL SYSCALL error",
        "the database system is",
        "terminating connection",
        "connection to server",
        # DuckDB tells no reason where the connection was lost in between.
        'Failed to execute query "COMMIT"',
        'Failed to execute query "ROLLBACK"',
    ),
    lasting=(
        "authentication failed",
        "no password supplied",
        "no pg_hba.conf entry",
        "certificate verify failed",
        "does not exist",
        "is not permitted to log in",
        "permission denied",
    ),
    # Of Amazon's S3, at 400: DuckDB 1.5.5 asks for new ones by itself at 403 only.
    stale=("ExpiredToken",),
    name_commit=lost_commits.name_commit,
    has_happened=lost_commits.has_happened,
)
