"""A few of the rows that a load is about to change, and in which columns: for people to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.names import ORDINAL, ROW, SYNCED_AT, comma, quote
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.warehouse.statements import agrees

SAMPLES = 5


@dataclass(frozen=True)
class Sample:
    """A row that a load changed.

    Attributes:
        key: The values of the table's key, as text.
        changed: The columns that differ from what they were; none for a new row.
    """

    key: tuple[str | None, ...]
    changed: tuple[str, ...] = ()


def samples_of_batch(
    connection: DuckDBPyConnection, table: str, columns: Mapping[str, str], spec: TableSpec
) -> list[Sample]:
    """Rows of `_matched` that do not stay, then records of `_chosen` that meet no row."""
    # In a table of its own, so that DuckDB knows how few they are and reads only their rows.
    connection.execute(
        f"create or replace temp table _few as "
        f"select {ROW}, ordinal as {ORDINAL} from _matched where not keep limit {SAMPLES}"
    )
    updated = _differing(
        connection,
        columns,
        spec,
        f"(select f.{ORDINAL}, f.{ROW}, t.* from _few f join {table} t on t.rowid = f.{ROW}) t "
        f"join _batch s using ({ORDINAL})",
    )
    new = connection.execute(
        f"select {comma(spec.key, '{}::varchar')} from _chosen "
        f"where ordinal not in (select ordinal from _matched) limit {SAMPLES - len(updated)}"
    ).fetchall()
    return [*updated, *(Sample(tuple(key)) for key in new)]


def samples_of_exchange(
    connection: DuckDBPyConnection, columns: Mapping[str, str], spec: TableSpec, equal: str
) -> list[Sample]:
    """Rows of `_new` that are in `_old` in another form, or not at all.

    Args:
        connection: An open connection, in a transaction.
        columns: Types of the table's columns, by name.
        spec: What belongs in the table.
        equal: Whether a row of `_new` is one of `_old`, as SQL.
    """
    on = " and ".join(f"t.{name} is not distinct from s.{name}" for name in map(quote, spec.key))
    few = f"select * from _new where not exists (from _old where {equal}) limit {SAMPLES}"
    return _differing(connection, columns, spec, f"({few}) s left join _old t on {on}")


def _differing(
    connection: DuckDBPyConnection, columns: Mapping[str, str], spec: TableSpec, source: str
) -> list[Sample]:
    """Rows `t` with their new forms `s`; where there is no row, the new form is a new row."""
    content = [name for name in columns if name not in {SYNCED_AT, *spec.context}]
    differ = ", ".join(f"not ({agrees(columns, [name])})" for name in content)
    rows = connection.execute(
        f"select {comma(spec.key, 's.{}::varchar')}, t.{ROW} is null, {differ} from {source}"
    ).fetchall()
    width = len(spec.key)
    return [
        Sample(row[:width], () if row[width] else _changed(content, row[width + 1 :], spec))
        for row in rows
    ]


def _changed(names: Iterable[str], flags: Iterable[bool], spec: TableSpec) -> tuple[str, ...]:
    """The columns that differ; that a row has another version goes without saying."""
    found = [name for name, differs in zip(names, flags, strict=True) if differs]
    return tuple([name for name in found if name != spec.version] or found)
