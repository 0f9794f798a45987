"""Our own tables, and the version of what they mean.

A newer version of this package may add tables, and columns to any of them; an older one writes by
name and leaves them alone. What an older one would get wrong has a higher `LAYOUT`, and it refuses.
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from intercom_assets.version import __version__
from intercom_assets.warehouse.errors import NewerLayout
from intercom_assets.warehouse.names import path

LAYOUT = 1
TABLES = {
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
    ),
    # Parents whose children are stored.
    "_ledger": (
        "stream varchar",
        "parent_id varchar",
        "updated_at timestamptz",
        "fetched_at timestamptz",
    ),
    # Keys that a full refresh under way has met.
    "_seen": ("stream varchar", "refresh bigint", "key varchar"),
    # Fields that could not keep their name.
    "_columns": ("stream varchar", "field varchar", "column_name varchar"),
    # One row: the layout, and the package that made it.
    "_layout": ("version bigint", "package varchar"),
}


def lay_out(connection: DuckDBPyConnection, schema: str) -> None:
    """Makes the tables that are not there yet, and the columns that an older one lacks.

    Args:
        connection: An open connection, in a transaction.
        schema: The schema that the streams' tables are in.

    Raises:
        NewerLayout: When a newer version of this package has made them.
    """
    home = path(connection, schema)
    connection.execute(f"create schema if not exists {home}")
    for name, columns in TABLES.items():
        table = f"{home}.{name}"
        connection.execute(f"create table if not exists {table} ({', '.join(columns)})")
        found = {row[0].casefold() for row in connection.execute(f"describe {table}").fetchall()}
        for column in columns:
            if column.split()[0] not in found:
                connection.execute(f"alter table {table} add column {column}")
    stored = connection.execute(
        f"select version, package from {home}._layout order by version desc limit 1"
    ).fetchone()
    version, package = stored or (0, "")
    if version > LAYOUT:
        raise NewerLayout(
            f"schema {home} was written by intercom_assets {package}, and this is {__version__}, "
            "which does not know how its tables are laid out: upgrade it here too, or use another "
            "schema or database"
        )
    if version < LAYOUT:
        connection.execute(f"delete from {home}._layout")
        connection.execute(
            f"insert into {home}._layout (version, package) values (?, ?)", [LAYOUT, __version__]
        )
