"""One stream's table: its columns, and the ways in which records get into it.

Everything here happens within a transaction that the caller opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.books import Books
from intercom_assets.warehouse.buffer import Rows
from intercom_assets.warehouse.changes import Changes
from intercom_assets.warehouse.encoding import (
    BIGINT,
    JSON,
    KNOWN_TYPES,
    MEMORY,
    column_type,
    encode_column,
)
from intercom_assets.warehouse.errors import IncompatibleTable
from intercom_assets.warehouse.exchange import exchange
from intercom_assets.warehouse.history import History
from intercom_assets.warehouse.merge import merge_batch
from intercom_assets.warehouse.names import (
    DELETED_AT,
    ORDINAL,
    SYNCED_AT,
    UNPARSED,
    columns_for,
    comma,
    path,
    quote,
)
from intercom_assets.warehouse.ours import ours_of
from intercom_assets.warehouse.rebuild import rebuild
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.warehouse.statements import (
    add_columns,
    create_table,
    exists,
    insert_rows,
    living,
    one,
)
from intercom_assets.warehouse.widening import Recast, cast_of, common_type, with_unparsed

# Enough to know of which fields some values do not fit.
SOME_ROWS = 1000


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

    def history(self, renamed: Mapping[str, str]) -> History:
        """The versions of its rows.

        Args:
            renamed: Columns by field, where an earlier load gave a field another name.
        """
        return History(self.connection, self.schema, self.name, self.spec, renamed)

    def exists(self) -> bool:
        """Whether the table is there."""
        return exists(self.connection, self.schema, self.name)

    def columns(self) -> dict[str, str]:
        """The types of the table's columns by name."""
        # A twentieth of the time that duckdb_columns() takes, which goes through all there is.
        rows = self.connection.execute(f"describe {self.sql}").fetchall()
        return {name: kind for name, kind, *_ in rows}

    def count(self) -> int:
        """How many rows the table has, without those that are marked as gone."""
        return one(self.connection, f"select count(*) from {living(self.sql)}")

    def counts(self) -> tuple[int, int]:
        """How many rows the table has without those that are marked as gone, and how many are."""
        [(rows, gone)] = self.connection.execute(
            f"select count(*), count({quote(DELETED_AT)}) from {self.sql}"
        ).fetchall()
        return rows - gone, gone

    def create(self) -> list[str] | None:
        """Makes the table, or gives one that is there the columns it lacks.

        Returns:
            The columns that rows lacked which stay; None if there was no table.

        Raises:
            IncompatibleTable: When a column has a type that this package does not write, or rows
                have lost the column that tells them apart.
        """
        if not self.exists():
            columns = {**self._declared({}), **ours_of(self.spec.merged)}
            create_table(self.connection, self.sql, columns)
            return None
        found = self.columns()
        if foreign := {name: kind for name, kind in found.items() if kind not in KNOWN_TYPES}:
            raise IncompatibleTable(
                f"{self.sql} has columns of types that are not written here: {foreign}. Rename or "
                "drop the table, then materialize the asset again"
            )
        lacking = self._declared(found)
        has_rows = bool(lacking) and not self.spec.replace and self._has_rows()
        if has_rows and (keys := [name for name in self.spec.key if name in lacking]):
            raise IncompatibleTable(
                f"{self.sql} has rows but no column {', '.join(keys)}, which tells them apart. "
                "Drop the table, then materialize the asset again: everything is read anew"
            )
        more = {**lacking, **ours_of(self.spec.merged, found)}
        add_columns(self.connection, self.sql, more)
        return list(lacking) if has_rows else []

    def _declared(self, found: Mapping[str, str]) -> dict[str, tuple[str, str | None]]:
        """The columns that the schema declares beside those that were found."""
        properties = self.spec.schema["properties"]
        return {
            column: (column_type(properties[name]), properties[name].get("description"))
            for name, column in columns_for(properties, found, {}).items()
            if column not in found
        }

    def _has_rows(self) -> bool:
        return one(self.connection, f"select count(*) from (from {self.sql} limit 1)") > 0

    def unparsed(self) -> list[tuple[Any, ...]]:
        """Some rows of which something did not fit: what identifies each, and what that was."""
        if UNPARSED not in self.columns():
            return []
        return self.connection.execute(
            f"select {comma(self.spec.key)}, {quote(UNPARSED)} from {self.sql} "
            f"where {quote(UNPARSED)} is not null limit {SOME_ROWS}"
        ).fetchall()

    def start_staging(self) -> None:
        """Empties the staging table; what a killed run left in it is of no use."""
        self.connection.execute(
            f"create or replace table {self.staging.sql} as from {self.sql} limit 0"
        )

    def drop(self) -> None:
        """Removes the table, if it is there."""
        self.connection.execute(f"drop table if exists {self.sql}")

    def merge(self, rows: Rows, renamed: Mapping[str, str], sampled: bool = True) -> Changes:
        """Puts each record in place of the row with its key, unless that is as new already.

        Args:
            rows: The records.
            renamed: Columns by field, where an earlier load gave a field another name.
            sampled: Whether a few of the rows that it changes are to be named.
        """
        changes = Changes()
        self._stage(rows, renamed, changes)
        merge_batch(
            self.connection, self.schema, self.name, self.columns(), self.spec, changes, sampled
        )
        if self.spec.history:
            changes.versions = self.history({**renamed, **changes.renamed}).add()
        return changes

    def append(self, rows: Rows, renamed: Mapping[str, str]) -> Changes:
        """Adds records to the staging table; both tables get the columns that they need."""
        changes = Changes()
        staging = self.staging
        self._stage(rows, renamed, changes)
        staging._stage(rows, {**renamed, **changes.renamed}, Changes())
        insert_rows(self.connection, staging.sql, f"select * exclude ({ORDINAL}) from _batch")
        return changes

    def replace(self, books: Books) -> Changes:
        """Makes the table hold what the staging table holds; equal rows keep their _synced_at."""
        return exchange(books, self.name, self.staging.sql, self.columns(), self.spec)

    def _stage(self, rows: Rows, renamed: Mapping[str, str], changes: Changes) -> None:
        """Makes records `_batch`, in the columns of the table, which gets those it lacks."""
        found = self.columns()
        arrays: dict[str, pa.ChunkedArray] = {}
        casts = []
        added: dict[str, tuple[str, str | None]] = {}
        recasts: dict[str, Recast] = {}
        widened: list[str] = []
        for name, column in columns_for(rows.table.column_names, found, renamed).items():
            kind, arrays[column] = rows.kinds[name], rows.table[name]
            wanted = common_type(kind, found.get(column, kind))
            if column not in found:
                added[column] = (kind, None)
                changes.new_columns.append(column)
            elif wanted != found[column]:
                recasts[column] = Recast(wanted, cast_of(column, found[column], wanted))
                widened.append(name)
            if wanted != kind:
                casts.append(f"{cast_of(column, kind, wanted)} as {quote(column)}")
            if column != name:
                changes.renamed[name] = column
        add_columns(self.connection, self.sql, added)
        if recasts:
            changes.widened |= {column: recast.kind for column, recast in recasts.items()}
            if UNPARSED in found:
                recasts = with_unparsed(recasts, widened)
            rebuild(self.connection, self.schema, self.name, recasts)
        if rows.unparsed is not None:
            arrays[UNPARSED] = rows.unparsed
            changes.unparsed.update(rows.odd)
            if UNPARSED not in found:
                told = {UNPARSED: (JSON, "What did not fit its column, by field")}
                add_columns(self.connection, self.sql, told)
                changes.new_columns.append(UNPARSED)
        count = rows.table.num_rows
        arrays[ORDINAL] = encode_column(range(count), BIGINT)[1]
        for column in found.keys() - arrays.keys() - {SYNCED_AT}:
            arrays[column] = pa.nulls(count, pa.string(), MEMORY)
        self.connection.register("_arrow", pa.table(arrays))
        replaced = f" replace ({', '.join(casts)})" if casts else ""
        self.connection.execute(
            f"create or replace temp view _batch as select *{replaced} from _arrow"
        )
