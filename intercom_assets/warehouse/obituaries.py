"""Records that Intercom told to be gone, in whatever order that and the records themselves come.

What is told is noted in `_gone`, so that a row which lands later is marked or removed then. Each
thing told takes effect once: a record that is listed again afterwards is there again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

from intercom_assets.streams.records import Gone
from intercom_assets.warehouse.bookkeeping import Bookkeeping
from intercom_assets.warehouse.books import Books
from intercom_assets.warehouse.encoding import BIGINT, VARCHAR, encode_table
from intercom_assets.warehouse.gone import bring_back, take_away
from intercom_assets.warehouse.history import History
from intercom_assets.warehouse.layout import make_book
from intercom_assets.warehouse.names import (
    DELETED_AT,
    MERGED_INTO,
    ROW,
    SYNCED_AT,
    one_key,
    path,
    quote,
)
from intercom_assets.warehouse.ours import add_ours
from intercom_assets.warehouse.spec import MARK, REMOVE, TableSpec
from intercom_assets.warehouse.statements import exists, one

logger = logging.getLogger(__name__)

# For so long a search may still list what is gone. Who is listed later than that is there again.
STALE_SECONDS = 3_600


def note(books: Books, spec: TableSpec, told: Sequence[Gone]) -> None:
    """Notes what was told, and marks or removes the rows.

    Args:
        books: Our own tables, in a transaction.
        spec: What becomes of rows that are gone, and which tables hang on which.
        told: Records of whatever stream.
    """
    by_stream: dict[str, list[Gone]] = defaultdict(list)
    for gone in told:
        by_stream[gone.stream].append(gone)
    for stream, of_stream in by_stream.items():
        _note(books, stream, spec, of_stream)


def _note(books: Books, stream: str, spec: TableSpec, told: Sequence[Gone]) -> None:
    run, noted = books.connection.execute, books.table("_gone", stream)
    make_book(books.connection, "_gone", noted)
    columns = encode_table(
        id=(VARCHAR, [gone.id for gone in told]),
        gone_at=(BIGINT, [gone.at for gone in told]),
        merged_into=(VARCHAR, [gone.into for gone in told]),
    )
    books.connection.register("_told", columns)
    run(
        "create or replace temp table _news as select id, to_timestamp(max(gone_at)) as gone_at, "
        f"arg_max(merged_into, gone_at) as merged_into from _told where not exists (from {noted} n "
        "where n.stream = $stream and n.id = _told.id "
        "and (n.gone_at >= to_timestamp(_told.gone_at) or n.merged_into = _told.merged_into)) "
        "group by id",
        {"stream": stream},
    )
    if not one(books.connection, "select count(*) from _news"):
        return
    run(f"delete from {noted} where stream = ? and id in (select id from _news)", [stream])
    run(
        f"insert into {noted} (stream, id, gone_at, merged_into) "
        "select ?, id, gone_at, merged_into from _news",
        [stream],
    )
    if exists(books.connection, books.schema, stream):
        is_merged = any(gone.into for gone in told)
        add_ours(books.connection, path(books.connection, books.schema, stream), is_merged)
        _bury(books, stream, spec, "true")


def bury(books: Books, name: str, spec: TableSpec, began: float) -> None:
    """Marks or removes rows that have just landed, and were told to be gone before.

    Args:
        books: Our own tables, in a transaction.
        name: The table.
        spec: What becomes of them.
        began: When the reading of them began by Intercom's clock, epoch seconds.
    """
    noted = books.table("_gone", name)
    since = {"stream": name, "since": began - STALE_SECONDS}
    books.connection.execute(
        "create or replace temp table _news as select id, gone_at, merged_into "
        f"from {noted} where stream = $stream and gone_at >= to_timestamp($since)",
        since,
    )
    if one(books.connection, "select count(*) from _news"):
        _bury(books, name, spec, f"t.{quote(SYNCED_AT)} = now()")


def revive(books: Bookkeeping, name: str, spec: TableSpec, began: float) -> None:
    """Takes the marks off rows that a sweep has met, unless Intercom has just told otherwise.

    Each begins another version, where these are kept.

    Args:
        books: Our own tables, in a transaction.
        name: The table.
        spec: What tells its rows apart, and which tables hang on it.
        began: When the sweep began by Intercom's clock, epoch seconds.
    """
    connection, table = books.connection, path(books.connection, books.schema, name)
    met, noted = books.table("_seen", name), books.table("_gone", name)
    key = one_key(spec.key, "t.{}")
    connection.execute(
        f"create or replace temp table _back as select t.{quote(spec.key[0])} as id, "
        f"t.{quote(DELETED_AT)} as at, t.rowid as {ROW} from {table} t "
        f"where t.{quote(DELETED_AT)} is not null "
        f"and {key} in (select key from {met} where stream = $stream) and {key} not in "
        f"(select id from {noted} where stream = $stream and gone_at >= to_timestamp($since))",
        {"stream": name, "since": began - STALE_SECONDS},
    )
    if not one(connection, "select count(*) from _back"):
        return
    bring_back(connection, books.schema, name, spec, 'select id::varchar as id, "at" from _back')
    merged = f", {MERGED_INTO} = null" if spec.merged else ""
    connection.execute(
        f"update {table} t set {quote(DELETED_AT)} = null, {quote(SYNCED_AT)} = now(){merged} "
        f"from _back b where b.{ROW} = t.rowid"
    )
    if spec.history:
        history = History(connection, books.schema, name, spec, books.renamed(name))
        history.take_rows(f"{quote(spec.key[0])} in (select id from _back)")


def _bury(books: Books, name: str, spec: TableSpec, which: str) -> None:
    """Marks or removes the rows of `_news`, unless they changed since."""
    table = path(books.connection, books.schema, name)
    # Joined once by the id: a condition on each row of the table would cost a look at all the news.
    books.connection.execute(
        f"create or replace temp table _found as select t.rowid as {ROW}, n.gone_at from {table} t "
        f"join _news n on n.id = t.id where {which} "
        "and coalesce(n.gone_at >= try_cast(t.updated_at as timestamptz), true)"
    )
    if not one(books.connection, "select count(*) from _found"):
        return
    count = take_away(
        books,
        name,
        spec,
        f"t.rowid in (select {ROW} from _found)",
        at=f"(select f.gone_at from _found f where f.{ROW} = t.rowid)",
    )
    if count:
        logger.info("%d of %s are gone at Intercom", count, name)
    was_merged = "select count(*) from _news where merged_into is not null"
    if spec.on_delete == MARK and one(books.connection, was_merged):
        books.connection.execute(
            f"update {table} t set {MERGED_INTO} = n.merged_into from _news n "
            f"where t.id = n.id and n.merged_into is not null and {which} "
            f"and t.{quote(DELETED_AT)} is not null and t.{MERGED_INTO} is null"
        )


def follow_parents(books: Books, name: str, spec: TableSpec, fetched: Sequence[str]) -> None:
    """Marks or removes rows that have just landed, if what they hang on is gone.

    Args:
        books: Our own tables, in a transaction.
        name: The table.
        spec: Which tables hang on which.
        fetched: Ids of the parents that landed with all their children.
    """
    run = books.connection.execute
    table = path(books.connection, books.schema, name)
    for parent, children in spec.children.items():
        if name not in children or not exists(books.connection, books.schema, parent):
            continue
        column, parents = quote(children[name]), path(books.connection, books.schema, parent)
        add_ours(books.connection, parents)
        if spec.on_delete == REMOVE:
            lost = f"(select id::varchar from {parents})"
            run(f"delete from {table} where {quote(SYNCED_AT)} = now() and {column} not in {lost}")
            run(
                f"delete from {books.table('_ledger', name)} where stream = ? and parent_id in ? "
                f"and parent_id not in {lost}",
                [name, list(fetched)],
            )
        elif one(books.connection, f"select count({quote(DELETED_AT)}) from {parents}"):
            run(
                f"update {table} c set {quote(DELETED_AT)} = p.{quote(DELETED_AT)} "
                f"from {parents} p where c.{column} = p.id and p.{quote(DELETED_AT)} is not null "
                f"and c.{quote(DELETED_AT)} is null and c.{quote(SYNCED_AT)} = now()"
            )
