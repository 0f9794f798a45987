"""One stream's table: its columns, and the ways in which records get into it.

Everything here happens within a transaction that the caller opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import pyarrow as pa
from duckdb import DuckDBPyConnection

from intercom_assets.extraction import TableSpec
from intercom_assets.warehouse.encoding import (
    JSON,
    KNOWN_TYPES,
    TIMESTAMPTZ,
    Record,
    column_type,
    encode_column,
)
from intercom_assets.warehouse.errors import IncompatibleTable
from intercom_assets.warehouse.names import (
    COPY,
    ORDINAL,
    ROW,
    SYNCED_AT,
    columns_for,
    comma,
    path,
    quote,
)


@dataclass
class Changes:
    """What a load did to a table.

    Attributes:
        inserted: Rows that were new.
        updated: Rows that replaced another form of themselves.
        unchanged: Records that the table held already, in this form or a newer one.
        deleted: Rows that went.
        new_columns: Columns that a field was the first to need.
        widened: Columns whose type became wider, and what it became.
        renamed: Fields whose name was taken, and their columns.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    new_columns: list[str] = field(default_factory=list)
    widened: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def add(self, other: Changes) -> None:
        """Counts another load's changes in."""
        self.inserted += other.inserted
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.deleted += other.deleted
        self.new_columns += other.new_columns
        self.widened |= other.widened
        self.renamed |= other.renamed


class Table:
    """A stream's table in DuckDB.

    Args:
        connection: An open connection, in a transaction.
        schema: The schema that the table is in.
        name: The table's name.
        spec: What belongs in it.

    Attributes:
        sql: The table's qualified name.
    """

    def __init__(
        self, connection: DuckDBPyConnection, schema: str, name: str, spec: TableSpec
    ) -> None:
        self.connection = connection
        self.schema = schema
        self.name = name
        self.spec = spec
        self.sql = path(connection, schema, name)

    @property
    def staging(self) -> Table:
        """Where records wait until the list that replaces this table is complete."""
        return Table(self.connection, self.schema, f"_staging_{self.name}", self.spec)

    def exists(self) -> bool:
        """Whether the table is there."""
        found = self.connection.execute(
            "select 1 from duckdb_tables() where database_name = current_database() "
            "and schema_name = ? and table_name = ?",
            [self.schema, self.name],
        )
        return found.fetchone() is not None

    def columns(self) -> dict[str, str]:
        """The types of the table's columns by name."""
        # A twentieth of the time that duckdb_columns() takes, which goes through all there is.
        rows = self.connection.execute(f"describe {self.sql}").fetchall()
        return {name: kind for name, kind, *_ in rows}

    def count(self) -> int:
        """How many rows the table has."""
        return _one(self.connection, f"select count(*) from {self.sql}")

    def create(self) -> None:
        """Makes the table, or gives one that is there the columns it lacks.

        Raises:
            IncompatibleTable: When a column has a type that this package does not write.
        """
        schema = path(self.connection, self.schema)
        self.connection.execute(f"create schema if not exists {schema}")
        self.connection.execute(
            f"create table if not exists {self.sql} ({quote(SYNCED_AT)} timestamptz)"
        )
        found = self.columns()
        if foreign := {name: kind for name, kind in found.items() if kind not in KNOWN_TYPES}:
            raise IncompatibleTable(
                f"{self.sql} has columns of types that are not written here: {foreign}. Rename or "
                "drop the table, then materialize the asset again"
            )
        properties = self.spec.schema["properties"]
        for name, column in columns_for(properties, found, {}).items():
            if column not in found:
                self._add_column(
                    column, column_type(properties[name]), properties[name].get("description")
                )
        if SYNCED_AT not in found:
            self._add_column(SYNCED_AT, TIMESTAMPTZ, None)
        elif len(found) == 1:
            # Ours belongs last: the table was just made, so nothing is in it.
            self.connection.execute(f"alter table {self.sql} drop column {quote(SYNCED_AT)}")
            self._add_column(SYNCED_AT, TIMESTAMPTZ, "When this row last changed here")

    def start_staging(self) -> None:
        """Empties the staging table; what a killed run left in it is of no use."""
        self.connection.execute(
            f"create or replace table {self.staging.sql} as from {self.sql} limit 0"
        )

    def drop(self) -> None:
        """Removes the table, if it is there."""
        self.connection.execute(f"drop table if exists {self.sql}")

    def merge(self, records: Sequence[Record], renamed: Mapping[str, str]) -> Changes:
        """Puts each record in place of the row with its key, unless that is as new already."""
        changes = Changes()
        self._stage(records, renamed, changes)
        key = comma(self.spec.key)
        newest = f"{ORDINAL} desc"
        if self.spec.version:
            newest = f"{_moment('_batch', self.spec.version)} desc nulls last, {newest}"
        self.connection.execute(
            f"create or replace temp table _staged as select * from _batch "
            f"qualify row_number() over (partition by {key} order by {newest}) = 1"
        )
        staged = _one(self.connection, "select count(*) from _staged")
        self._match()
        kept = _one(self.connection, "select count(distinct ordinal) from _matched where keep")
        self.connection.execute(
            f"delete from {self.sql} where rowid in (select {ROW} from _matched where not keep)"
        )
        matched = _one(self.connection, "select count(distinct ordinal) from _matched")
        self._insert(
            f"select * exclude ({ORDINAL}) from _staged "
            f"where {ORDINAL} not in (select ordinal from _matched where keep)"
        )
        changes.inserted, changes.updated = staged - matched, matched - kept
        changes.unchanged = len(records) - changes.inserted - changes.updated
        return changes

    def append(self, records: Sequence[Record], renamed: Mapping[str, str]) -> Changes:
        """Adds records to the staging table; both tables get the columns that they need."""
        changes = Changes()
        staging = self.staging
        self._stage(records, renamed, changes)
        staging._stage(records, {**renamed, **changes.renamed}, Changes())
        staging._insert(f"select * exclude ({ORDINAL}) from _batch")
        return changes

    def replace(self) -> Changes:
        """Makes the table hold what the staging table holds; equal rows keep their _synced_at."""
        columns = [name for name in self.columns() if name != SYNCED_AT]
        names = comma(columns)
        for target, source, row in (
            ("_old", self.sql, f"rowid as {ROW}, "),
            ("_new", self.staging.sql, ""),
        ):
            # Rows can be equal in everything: the n-th copy matches the n-th copy.
            self.connection.execute(
                f"create or replace temp table {target} as select {row}{names}, "
                f"row_number() over (partition by {names}) as {COPY} from {source}"
            )
        equal = _equal(columns) + f" and _old.{COPY} = _new.{COPY}"
        keyed = _equal(self.spec.key)
        changes = Changes(
            unchanged=_one(
                self.connection,
                f"select count(*) from _new where exists (from _old where {equal})",
            ),
            updated=_one(
                self.connection,
                f"select count(*) from _new where not exists (from _old where {equal}) "
                f"and exists (from _old where {keyed})",
            ),
        )
        total = _one(self.connection, "select count(*) from _new")
        changes.inserted = total - changes.unchanged - changes.updated
        changes.deleted = max(0, self.count() - changes.unchanged - changes.updated)
        self.connection.execute(
            f"delete from {self.sql} where rowid in "
            f"(select {ROW} from _old where not exists (from _new where {equal}))"
        )
        self._insert(
            f"select {names} from _new where not exists (from _old where {equal})",
        )
        return changes

    def _stage(
        self, records: Sequence[Record], renamed: Mapping[str, str], changes: Changes
    ) -> None:
        """Registers records as `_batch`, in the columns of the table, which gets those it lacks."""
        found = self.columns()
        fields = dict.fromkeys(chain.from_iterable(records))
        columns = columns_for(fields, found, renamed)
        arrays: dict[str, pa.Array] = {}
        for name, column in columns.items():
            values = [record.get(name) for record in records]
            kind, arrays[column] = encode_column(values, found.get(column, JSON))
            if column not in found:
                self._add_column(column, kind, None)
                changes.new_columns.append(column)
            elif kind != found[column]:
                self._widen(column, found[column], kind)
                changes.widened[column] = kind
            if column != name:
                changes.renamed[name] = column
        arrays[ORDINAL] = pa.array(range(len(records)), pa.int64())
        for column in found.keys() - arrays.keys() - {SYNCED_AT}:
            arrays[column] = pa.nulls(len(records), pa.string())
        self.connection.register("_batch", pa.table(arrays))

    def _match(self) -> None:
        """Finds the rows that staged records meet, and which of those stay as they are.

        Key and time are looked at first, whole rows only where these leave it open: to read all
        columns of a large table would take seconds and gigabytes.
        """
        older, same = "false", "true"
        if self.spec.version:
            staged, stored = _moment("s", self.spec.version), _moment("t", self.spec.version)
            older = f"coalesce({staged} < {stored}, false)"
            same = f"coalesce({staged} = {stored}, true)"
        self.connection.execute(
            f"create or replace temp table _matched as "
            f"select t.rowid as {ROW}, s.{ORDINAL} as ordinal, {older} as keep, {same} as open "
            f"from {self.sql} t join _staged s using ({comma(self.spec.key)})"
        )
        if not _one(self.connection, "select count(*) from _matched where open"):
            return
        # In a table of its own, so that DuckDB knows how few they are and reads only their rows.
        self.connection.execute(
            f"create or replace temp table _open as select {ROW}, ordinal from _matched where open"
        )
        self.connection.execute(
            f"update _matched set keep = true where {ROW} in ("
            f"select o.{ROW} from _open o join {self.sql} t on t.rowid = o.{ROW} "
            f"join _staged s on s.{ORDINAL} = o.ordinal where {self._is_equal()})"
        )

    def _is_equal(self) -> str:
        """Whether a staged record `s` says what row `t` says, as SQL."""
        return " and ".join(
            f"t.{quote(name)}::varchar is not distinct from s.{quote(name)}::varchar"
            if kind == JSON
            else f"t.{quote(name)} is not distinct from s.{quote(name)}::{kind}"
            for name, kind in self.columns().items()
            if name != SYNCED_AT
        )

    def _insert(self, query: str) -> None:
        self.connection.execute(
            f"insert into {self.sql} by name select *, now() as {quote(SYNCED_AT)} from ({query})"
        )

    def _add_column(self, name: str, kind: str, comment: str | None) -> None:
        self.connection.execute(f"alter table {self.sql} add column {quote(name)} {kind}")
        if comment:
            text = comment.replace("'", "''")
            self.connection.execute(f"comment on column {self.sql}.{quote(name)} is '{text}'")

    def _widen(self, name: str, old: str, new: str) -> None:
        column = text = quote(name)
        if old == TIMESTAMPTZ:
            # The way in which the other times in such a column will be written.
            text = f"replace(strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ'), '.000000Z', 'Z')"
        using = f"to_json({text})" if new == JSON else f"{text}::varchar"
        self.connection.execute(
            f"alter table {self.sql} alter column {column} set data type {new} using {using}"
        )


def _one(connection: DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _equal(columns: Iterable[str]) -> str:
    return " and ".join(
        f"_old.{quote(name)} is not distinct from _new.{quote(name)}" for name in columns
    )


def _moment(table: str, column: str) -> str:
    return f"try_cast({table}.{quote(column)} as timestamptz)"
