"""A database that is attached with options, such as the key of an encrypted file.

DuckDB takes these only from ``attach``. So the database is attached to an instance in memory, which
all of this process who have it open share, and which goes with the last of them.
"""

from __future__ import annotations

import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.warehouse import initial_sql
from intercom_assets.warehouse.errors import DatabaseUnavailable, without_window
from intercom_assets.warehouse.kinds.spilling import room_to_spill
from intercom_assets.warehouse.place import Place, literal

NAME = "warehouse"
_OPTION = re.compile(r"[A-Za-z_]+")

_open: defaultdict[tuple[int, str], list[DuckDBPyConnection]] = defaultdict(list)
_opening_or_closing = threading.Lock()


@contextmanager
def attached(place: Place, config: Mapping[str, Any]) -> Iterator[DuckDBPyConnection]:
    """A connection in whose current database the tables are.

    Args:
        place: Where the database is, and its options.
        config: What DuckDB is configured with.

    Raises:
        DatabaseUnavailable: When no option can have such a name.
    """
    with _opening_or_closing:
        # An instance does not live on in a forked process.
        others = _open[os.getpid(), repr(place)]
        connection = others[0].cursor() if others else _opened(place, config)
        others.append(connection)
    try:
        initial_sql.set_again(connection, place)
        connection.execute(f"use {NAME}")
        yield connection
    finally:
        with _opening_or_closing:
            others.remove(connection)
            connection.close()


def attach(connection: DuckDBPyConnection, place: Place, name: str) -> None:
    """Attaches a database.

    Args:
        connection: To whose instance.
        place: Where the database is, and its options.
        name: What it is attached as.

    Raises:
        DatabaseUnavailable: When no option can have such a name.
        duckdb.Error: When DuckDB refuses it; without the statement, in which keys stand.
    """
    try:
        connection.execute(_statement(place, name))
    except duckdb.Error as problem:
        raise type(problem)(without_window(str(problem))) from None


def _statement(place: Place, name: str) -> str:
    given = {"DATA_PATH": place.data_path} if place.data_path else {}
    options = {**given, **{name.upper(): value for name, value in place.attach.items()}}
    if wrong := [name for name in options if not _OPTION.fullmatch(name)]:
        raise DatabaseUnavailable(f"no option of attaching can be called {wrong[0]!r}")
    words = ", ".join(f"{option} {literal(value)}" for option, value in options.items())
    return f"attach {literal(place.database)} as {name}" + (f" ({words})" if words else "")


def _opened(place: Place, config: Mapping[str, Any]) -> DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={**room_to_spill(), **config})
    try:
        # First, for it may load what the options need.
        initial_sql.run(connection, place)
        attach(connection, place, NAME)
    except BaseException:
        connection.close()
        raise
    return connection
