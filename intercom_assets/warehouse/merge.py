"""How staged records get into a table of which they replace rows, by key.

They are staged as `_batch`, in the columns of the table and one more that tells their order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.changes import Changes
from intercom_assets.warehouse.gone import bring_back
from intercom_assets.warehouse.names import DELETED_AT, ORDINAL, ROW, SYNCED_AT, comma, path, quote
from intercom_assets.warehouse.samples import samples_of_batch
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.warehouse.statements import agrees, insert_rows, moment, one


def merge_batch(
    connection: DuckDBPyConnection,
    schema: str,
    name: str,
    columns: Mapping[str, str],
    spec: TableSpec,
    changes: Changes,
    sampled: bool,
) -> None:
    """Puts each record of `_batch` in place of the row with its key, unless that is as new already.

    A record that differs from its row in columns of context only is no update of it: those are
    written into the row, which stays. A row that was marked as gone is there again, and so is what
    went with it.

    Args:
        connection: An open connection, in a transaction.
        schema: The table's schema.
        name: The table.
        columns: Types of its columns, by name.
        spec: What belongs in it.
        changes: Counts the rows.
        sampled: Whether a few of the rows are to be named in it.
    """
    table = path(connection, schema, name)
    context = columns.keys() & set(spec.context)
    _choose(connection, spec)
    _match(connection, table, spec)
    _keep(connection, table, columns, columns.keys() - {SYNCED_AT, *context})
    if context:
        _refresh(connection, table, columns, context)
    if sampled:
        changes.samples = samples_of_batch(connection, table, columns, spec)
    if spec.children.get(name) and one(connection, "select count(*) from _matched where back"):
        bring_back(
            connection,
            schema,
            name,
            spec,
            f"select t.id::varchar as id, t.{quote(DELETED_AT)} as at from {table} t "
            f"join _matched m on m.{ROW} = t.rowid where back",
        )
    connection.execute(
        f"delete from {table} where rowid in (select {ROW} from _matched where not keep)"
    )
    insert_rows(
        connection,
        table,
        f"select * exclude ({ORDINAL}) from _batch where {ORDINAL} in (select ordinal from "
        "_chosen where ordinal not in (select ordinal from _matched where keep))",
    )
    total, chosen, matched, kept = (
        one(connection, f"select count({counted}) from {found}")
        for counted, found in (
            ("*", "_batch"),
            ("*", "_chosen"),
            ("distinct ordinal", "_matched where not back"),
            ("distinct ordinal", "_matched where keep"),
        )
    )
    changes.inserted, changes.updated = chosen - matched, matched - kept
    changes.unchanged = total - changes.inserted - changes.updated


def _choose(connection: DuckDBPyConnection, spec: TableSpec) -> None:
    """Finds the newest record of each key. Only these few columns are copied for that."""
    key = comma(spec.key)
    version = moment("_batch", spec.version) if spec.version else "null::timestamptz"
    connection.execute(
        f"create or replace temp table _chosen as select {key}, {ORDINAL} as ordinal, "
        f"{version} as version, {quote(DELETED_AT)} is null as alive from _batch "
        # Not by these names: records may have fields that are called so.
        f"qualify row_number() over (partition by {key} "
        f"order by {version} desc nulls last, {ORDINAL} desc) = 1"
    )


def _match(connection: DuckDBPyConnection, table: str, spec: TableSpec) -> None:
    """Finds the rows that staged records meet, and which of those stay for being newer.

    Key and time are looked at, and whole rows later, where these leave it open: to read all columns
    of a large table would take seconds and gigabytes. A time that is mere context says nothing of
    the rest of a row.
    """
    older, is_open = "false", "true"
    was_gone = f"t.{quote(DELETED_AT)} is not null"
    if spec.version:
        stored = moment("t", spec.version)
        # A row that was gone keeps no record from coming back.
        older = f"coalesce(c.version < {stored}, false) and not (c.alive and {was_gone})"
        same = "true" if spec.version in spec.context else f"coalesce(c.version = {stored}, true)"
        is_open = f"{same} and not ({older})"
    connection.execute(
        f"create or replace temp table _matched as "
        f"select t.rowid as {ROW}, c.ordinal, {older} as keep, {is_open} as open, "
        f"c.alive and {was_gone} as back "
        f"from {table} t join _chosen c using ({comma(spec.key)})"
    )


def _keep(
    connection: DuckDBPyConnection, table: str, columns: Mapping[str, str], content: Collection[str]
) -> None:
    """Has rows stay whose content is that of the record that they meet."""
    if not one(connection, "select count(*) from _matched where open"):
        return
    # In a table of its own, so that DuckDB knows how few they are and reads only their rows.
    connection.execute(
        f"create or replace temp table _open as select {ROW}, ordinal from _matched where open"
    )
    connection.execute(
        # Fetched before they are compared, or DuckDB joins by what is compared.
        f"with stored as materialized (select o.{ROW}, o.ordinal as {ORDINAL}, "
        f"{comma(content, 't.{}')} from _open o join {table} t on t.rowid = o.{ROW}) "
        f"update _matched set keep = true where {ROW} in (select t.{ROW} from stored t "
        f"join _batch s using ({ORDINAL}) where {agrees(columns, content)})"
    )


def _refresh(
    connection: DuckDBPyConnection, table: str, columns: Mapping[str, str], context: Collection[str]
) -> None:
    """Brings context up to date in rows whose content stays."""
    values = ", ".join(f"{quote(name)} = s.{quote(name)}::{columns[name]}" for name in context)
    connection.execute(
        f"update {table} t set {values} "
        f"from _matched m join _batch s on s.{ORDINAL} = m.ordinal "
        f"where t.rowid = m.{ROW} and m.keep and m.open and not ({agrees(columns, context)})"
    )
