"""Finds a text in whatever runs leave behind, where it is compressed as well."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import duckdb

SQLITE, DUCKDB = b"SQLite format 3\0", b"DUCK"


def traces(text: str, places: Iterable[Path]) -> list[str]:
    """Files in folders, or files, that hold a text, and for databases the table."""
    files = {
        file
        for place in places
        for file in (place.rglob("*") if place.is_dir() else [place])
        if file.is_file()
    }
    contents = {file: file.read_bytes() for file in sorted(files)}
    found = [str(file) for file, content in contents.items() if text.encode() in content]
    for file, content in contents.items():
        if content.startswith(SQLITE):
            found += _in_sqlite(text, file)
        elif content[8:12] == DUCKDB:
            found += _in_duckdb(text, file)
    return found


def _in_sqlite(text: str, file: Path) -> Iterator[str]:
    """Dagster compresses its snapshots; and a long value may lie on several pages."""
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'")
        for (name,) in tables.fetchall():
            rows = connection.execute(f'select * from "{name}"')
            if any(text.encode() in _plain(value) for row in rows for value in row):
                yield f"{file}: {name}"


def _plain(value: Any) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    with suppress(zlib.error):
        return zlib.decompress(value)
    return value


def _in_duckdb(text: str, file: Path) -> Iterator[str]:
    """DuckDB compresses strings once it has moved them from its log into the file."""
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute("select schema_name, table_name from duckdb_tables()")
        for schema, name in tables.fetchall():
            # Every column: text, JSON, and what is nested.
            sql = f'select 1 from "{schema}"."{name}" as t where contains(t::varchar, ?) limit 1'
            if connection.execute(sql, [text]).fetchall():
                yield f"{file}: {schema}.{name}"
