"""Our own tables, and the version of what they mean.

A newer version of this package may add tables, and columns to any of them; an older one writes by
name and leaves them alone. What an older one would get wrong has a higher version in the warehouses
where it would, and it refuses.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from duckdb import DuckDBPyConnection

from intercom_assets.version import __version__
from intercom_assets.warehouse.errors import NewerLayout
from intercom_assets.warehouse.kinds.kind import Kind
from intercom_assets.warehouse.names import path, quote
from intercom_assets.warehouse.statements import columns_in

# What stands in them is of one stream each, by the column `stream`.
BOOKS = {
    "_sync_state": (
        "stream varchar",
        "source varchar",
        "owner varchar",
        "generation bigint",
        "claimed_at timestamptz",
        "run_id varchar",
        "state json",
        "reset varchar",
        "committed_at timestamptz",
        # Of the run that owns the stream.
        "commits bigint",
        # The lease: where the owner waits for its turn, when it last showed that it lives, and
        # until when others leave the stream to it; null once it is done.
        "holder varchar",
        "heartbeat_at timestamptz",
        "leased_until timestamptz",
    ),
    # Parents whose children are stored.
    "_ledger": (
        "stream varchar",
        "parent_id varchar",
        "updated_at timestamptz",
        "fetched_at timestamptz",
    ),
    # What Intercom told to be gone, and into what it was merged.
    "_gone": (
        "stream varchar",
        "id varchar",
        "gone_at timestamptz",
        "merged_into varchar",
    ),
    # Keys that a full refresh under way has met.
    "_seen": ("stream varchar", "refresh bigint", "key varchar"),
    # Fields that could not keep their name.
    "_columns": ("stream varchar", "field varchar", "column_name varchar"),
}
# One row: the layout, the package that made it, and whose data is in the tables.
LAYOUT = ("version bigint", "package varchar", "source varchar")


def lay_out(connection: DuckDBPyConnection, schema: str, kind: Kind, stream: str) -> None:
    """Makes the tables that a stream lacks, and the columns that an older one lacks.

    Args:
        connection: An open connection, in a transaction.
        schema: The schema that the streams' tables are in.
        kind: The kind of warehouse.
        stream: The stream.

    Raises:
        NewerLayout: When a newer version of this package has made them.
    """
    home = path(connection, schema)
    connection.execute(f"create schema if not exists {home}")
    there = columns_in(connection, schema)
    _make(connection, f"{home}._layout", LAYOUT, there.get("_layout"))
    _agree(connection, home, kind)
    for name, columns in BOOKS.items():
        own = kind.book(name, stream)
        table, found = f"{home}.{quote(own)}", there.get(own.lower())
        _make(connection, table, columns, found)
        if name in there and found is None:
            # Earlier versions had one for all streams in every kind of warehouse.
            connection.execute(
                f"insert into {table} by name from {home}.{name} where stream = ?", [stream]
            )


def make_book(connection: DuckDBPyConnection, name: str, table: str) -> None:
    """Makes one of our tables, if it is not there: that of a stream which has not run yet.

    Args:
        connection: An open connection, in a transaction.
        name: What stands in it, one of `BOOKS`.
        table: Its qualified name.
    """
    connection.execute(f"create table if not exists {table} ({', '.join(BOOKS[name])})")
    found = {row[0].casefold() for row in connection.execute(f"describe {table}").fetchall()}
    _make(connection, table, BOOKS[name], found)


def _make(
    connection: DuckDBPyConnection, table: str, columns: Iterable[str], found: Container[str] | None
) -> None:
    """Makes a table, or gives one the columns that it lacks."""
    if found is None:
        connection.execute(f"create table {table} ({', '.join(columns)})")
        return
    for column in columns:
        if column.split()[0] not in found:
            connection.execute(f"alter table {table} add column {column}")


def _agree(connection: DuckDBPyConnection, home: str, kind: Kind) -> None:
    stored = connection.execute(
        f"select version, package from {home}._layout order by version desc limit 1"
    ).fetchone()
    version, package = stored or (0, "")
    if version > kind.layout:
        raise NewerLayout(
            f"schema {home} was written by intercom_assets {package}, and this is {__version__}, "
            "which does not know how its tables are laid out: upgrade it here too, or use another "
            "schema or database"
        )
    if version < kind.layout:
        connection.execute(f"delete from {home}._layout")
        connection.execute(
            f"insert into {home}._layout (version, package) values (?, ?)",
            [kind.layout, __version__],
        )
