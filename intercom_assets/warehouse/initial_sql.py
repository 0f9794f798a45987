"""The initial SQL of a warehouse: what is run when, and what is told of a statement that fails.

A setting by ``set`` or ``pragma`` may be the connection's own; a secret, and what is attached, is
there for all connections of DuckDB's instance.
"""

from __future__ import annotations

import re
import threading

import duckdb
from duckdb import DuckDBPyConnection, StatementType

from intercom_assets.warehouse.errors import DatabaseUnavailable, without_window
from intercom_assets.warehouse.masks import MASK
from intercom_assets.warehouse.place import Place

_SETTINGS = (StatementType.SET, StatementType.VARIABLE_SET, StatementType.PRAGMA)
_NEAR = re.compile(r'(?<=at or near ")(.+)(?=")', re.DOTALL)
# What DuckDB says of what an instance has.
_IS_THERE = ("already exists", "already attached")
# These never pass: the statement is wrong.
_WRONG = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)

_lock = threading.Lock()
# What this process has run in which database.
_made: set[tuple[str, int]] = set()


def run(connection: DuckDBPyConnection, place: Place) -> None:
    """Runs the initial SQL on a new connection.

    Another one of this process may have the database open, in the same instance of DuckDB: what is
    there by the same statement is left.

    Raises:
        DatabaseUnavailable: When a statement is wrong, or names a variable that is not set.
        duckdb.Error: When a statement fails otherwise.
    """
    if place.init_sql:
        with _lock:
            for number, statement in enumerate(_statements(connection, place), 1):
                _run(connection, place, number, statement)


def set_again(connection: DuckDBPyConnection, place: Place) -> None:
    """Runs the settings of the initial SQL on a further connection of an instance that had it all.

    Raises:
        DatabaseUnavailable: When a variable is not set any more.
        duckdb.Error: When a setting fails.
    """
    for number, statement in enumerate(_statements(connection, place), 1):
        if statement.type in _SETTINGS:
            _run(connection, place, number, statement)


def _statements(connection: DuckDBPyConnection, place: Place) -> list[duckdb.Statement]:
    found: list[duckdb.Statement] = []
    for text in place.statements():
        try:
            found += connection.extract_statements(text)
        except duckdb.Error as problem:
            # DuckDB parses a text as a whole.
            where = " or a later one of its text" if ";" in text.rstrip("; \n") else ""
            raise _told(place, len(found) + 1, problem, where) from None
    return found


def _run(
    connection: DuckDBPyConnection, place: Place, number: int, statement: duckdb.Statement
) -> None:
    # Of a set of hashes nobody reads a secret.
    key = (place.database, hash(statement.query))
    try:
        connection.execute(statement)
    except duckdb.Error as problem:
        if key not in _made or not any(sign in str(problem) for sign in _IS_THERE):
            raise _told(place, number, problem) from None
    _made.add(key)


def _told(place: Place, number: int, problem: duckdb.Error, where: str = "") -> Exception:
    secrets = list(place.secrets())
    said = _NEAR.sub(
        lambda near: MASK if any(near[1] in secret for secret in secrets) else near[1],
        without_window(str(problem)),
    )
    said = place.hide(" ".join(said.split()))
    text = f"statement {number} of the initial SQL{where}: {said}"
    if isinstance(problem, _WRONG):
        return DatabaseUnavailable(f"{text}. Correct init_sql, or INTERCOM_INIT_SQL")
    return type(problem)(text)
