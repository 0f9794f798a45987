"""A table made anew with other types of columns, and all that hung on it.

``alter table … set data type … using`` would be shorter, but DuckDB writes its expression into the
log and evaluates it again when the file is opened after a crash: without the extension that the
function is of, or in another time zone (seen with 1.4.4, 1.5.5 and 2.0.1). The log of a table that
is made anew holds values. And DuckLake knows no ``using``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.errors import IncompatibleTable, reason
from intercom_assets.warehouse.names import comma, path, quote
from intercom_assets.warehouse.widening import Recast


def rebuild(
    connection: DuckDBPyConnection, schema: str, name: str, recasts: Mapping[str, Recast]
) -> None:
    """Gives columns of a table other types; everything else about the table stays as it is.

    Args:
        connection: An open connection, in a transaction.
        schema: The table's schema.
        name: The table.
        recasts: The columns' new types, by column.

    Raises:
        IncompatibleTable: When something that a user made depends on the table and cannot stay.
    """
    form = _Form(connection, schema, name)
    try:
        form.make_anew(recasts)
    except (duckdb.CatalogException, duckdb.DependencyException, duckdb.BinderException) as problem:
        changed = ", ".join(f"{column} become {recast.kind}" for column, recast in recasts.items())
        raise IncompatibleTable(
            f"{name}: records hold values for which the table must be made anew, so that "
            f"{changed}, and something that was added to it stands in the way: "
            f"{reason(str(problem))}. {form.of_a_user()}Drop it and materialize again, "
            "then create it anew"
        ) from problem


class _Form:
    """What a table consists of, apart from rows."""

    def __init__(self, connection: DuckDBPyConnection, schema: str, name: str) -> None:
        self._connection = connection
        self._name = name
        self._table = path(connection, schema, name)
        self._new = path(connection, schema, f"_rebuilt_{name}")
        self._place = {"schema": schema, "name": name}
        self._columns = self._ask(
            "column_name, data_type, column_default, comment", "columns", "column_index"
        )
        self._constraints = self._ask(
            "constraint_type, constraint_text, constraint_column_names", "constraints", "1, 2"
        )
        self._indexes = self._ask("index_name, sql", "indexes", "index_oid")
        self._comment = self._ask("comment", "tables", "1")[0][0]

    def make_anew(self, recasts: Mapping[str, Recast]) -> None:
        """Makes the table with other types under another name, which then becomes its own."""
        run = self._connection.execute
        run(f"create table {self._new} ({', '.join(self._definitions(recasts))})")
        names = comma(column for column, *_ in self._columns)
        values = [
            recasts[column].value if column in recasts else quote(column)
            for column, *_ in self._columns
        ]
        run(f"insert into {self._new} ({names}) select {', '.join(values)} from {self._table}")
        run(f"drop table {self._table}")
        run(f"alter table {self._new} rename to {quote(self._name)}")
        for column, _, _, comment in self._columns:
            if comment is not None:
                run(f"comment on column {self._table}.{quote(column)} is {_text(comment)}")
        if self._comment is not None:
            run(f"comment on table {self._table} is {_text(self._comment)}")
        for _, sql in self._indexes:
            run(self._qualified(sql))

    def of_a_user(self) -> str:
        """A sentence that names what we never make."""
        made = [f"index {name}" for name, _ in self._indexes]
        made += [text for _, text, _ in self._constraints]
        return f"It has {', '.join(made)}. " if made else ""

    def _definitions(self, recasts: Mapping[str, Recast]) -> list[str]:
        filled = {
            column
            for kind, _, columns in self._constraints
            if kind == "NOT NULL"
            for column in columns
        }
        found = []
        for column, kind, default, _ in self._columns:
            words = [quote(column), recasts[column].kind if column in recasts else kind]
            words += [f"default {default}"] if default is not None else []
            words += ["not null"] if column in filled else []
            found.append(" ".join(words))
        return found + [text for kind, text, _ in self._constraints if kind != "NOT NULL"]

    def _qualified(self, sql: str) -> str:
        """A statement that creates an index, with the database in front of the table's name."""
        schema, name = (re.escape(part) for part in self._place.values())
        place = rf' ON (?:"?{schema}"?\.)?"?{name}"?'
        return re.sub(place, lambda _: f" ON {self._table}", sql, count=1, flags=re.IGNORECASE)

    def _ask(self, what: str, of: str, order: str) -> list[Any]:
        """Rows of one of DuckDB's functions on what there is, for this table."""
        return self._connection.execute(
            f"select {what} from duckdb_{of}() where database_name = current_database() and "
            f"lower(schema_name) = lower($schema) and lower(table_name) = lower($name) "
            f"order by {order}",
            self._place,
        ).fetchall()


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
