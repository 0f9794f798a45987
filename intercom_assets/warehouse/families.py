"""Children that their parent no longer has."""

from __future__ import annotations

import pyarrow as pa
from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.buffer import Buffer
from intercom_assets.warehouse.names import comma, quote
from intercom_assets.warehouse.spec import TableSpec


def remove_left(connection: DuckDBPyConnection, table: str, spec: TableSpec, buffer: Buffer) -> int:
    """Removes the rows of parents that a buffer holds the children of, and that are not in it.

    Args:
        connection: An open connection, in a transaction.
        table: The table's qualified name.
        spec: What belongs in it.
        buffer: Parents, with all of their children.

    Returns:
        How many rows went.
    """
    if spec.family is None or not buffer.fetched:
        return 0
    keys = list(spec.key)
    empty = pa.table({name: pa.array([], pa.string()) for name in keys})
    given = [rows.table.select(keys) for rows in buffer.rows()]
    connection.register("_fetched", pa.table({"id": [parent.id for parent in buffer.fetched]}))
    connection.register("_given", pa.concat_tables([empty, *given], promote_options="permissive"))
    [(count,)] = connection.execute(
        f"delete from {table} where {quote(spec.family)} in (select id from _fetched) "
        f"and ({comma(keys)}) not in (select ({comma(keys)}) from _given)"
    ).fetchall()
    return int(count)
