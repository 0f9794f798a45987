"""Children that their parent no longer has."""

from __future__ import annotations

import pyarrow as pa

from intercom_assets.warehouse.books import Books
from intercom_assets.warehouse.buffer import Buffer
from intercom_assets.warehouse.encoding import VARCHAR, encode_table
from intercom_assets.warehouse.gone import take_away
from intercom_assets.warehouse.names import comma, quote
from intercom_assets.warehouse.spec import TableSpec


def leave_family(books: Books, name: str, spec: TableSpec, buffer: Buffer) -> int:
    """Takes away rows of parents that a buffer holds the children of, and that are not in it.

    Args:
        books: Our own tables, in a transaction.
        name: The table.
        spec: What belongs in it.
        buffer: Parents, with all of their children.

    Returns:
        How many rows went.
    """
    if spec.family is None or not buffer.fetched:
        return 0
    keys = list(spec.key)
    empty = encode_table(**{name: (VARCHAR, []) for name in keys})
    given = [rows.table.select(keys) for rows in buffer.rows()]
    connection = books.connection
    fetched = [parent.id for parent in buffer.fetched]
    connection.register("_fetched", encode_table(id=(VARCHAR, fetched)))
    connection.register("_given", pa.concat_tables([empty, *given], promote_options="permissive"))
    return take_away(
        books,
        name,
        spec,
        f"t.{quote(spec.family)} in (select id from _fetched) "
        f"and ({comma(keys, 't.{}')}) not in (select ({comma(keys)}) from _given)",
    )
