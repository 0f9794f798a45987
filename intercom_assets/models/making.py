"""Makes relations in a warehouse: only those whose definition is not the one that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.models.flat import Attributes, find_attributes, remember
from intercom_assets.models.marks import MARKS, count_marked
from intercom_assets.models.relations import Relation, relations
from intercom_assets.models.text import quote, text
from intercom_assets.models.there import tables_in

DEFINITIONS = "_relations"
R = TypeVar("R")


@dataclass(frozen=True)
class Made:
    """A relation that is there.

    Attributes:
        relation: Which.
        columns: Its columns' types, in the order of the view.
        is_new: Whether it was made, or made anew, just now.
        left_out: How many rows of the table just written are gone at Intercom, and left out.
        problem: Why it could not be made.
    """

    relation: Relation
    columns: dict[str, str]
    is_new: bool
    left_out: int = 0
    problem: str | None = None


class Store(Protocol):
    """Where tables are."""

    schema: str

    def connection(self) -> AbstractContextManager[DuckDBPyConnection]:
        """A connection that is in no transaction."""

    def write(self, work: Callable[[DuckDBPyConnection], R]) -> R:
        """What some work gives, done in a transaction; done again if others came in its way."""


def make_relations(store: Store, table: str, since: datetime | None = None) -> Iterator[Made]:
    """Makes the relations over a table that has just been written, each in its own transaction.

    Args:
        store: Where the table is, and where the views come.
        table: The table.
        since: When the run that wrote it began; None has all rows looked at for new attributes.
    """
    with store.connection() as connection:
        maker = _Maker(store, connection, since)
        wanted = [
            relation
            for relation in relations().values()
            if table in relation.tables and relation.is_possible(maker.there)
        ]
        left_out = maker.count_marked(table) if wanted else 0
        for relation in wanted:
            yield replace(maker.make(relation), left_out=left_out)


class _Maker:
    def __init__(
        self, store: Store, connection: DuckDBPyConnection, since: datetime | None
    ) -> None:
        self._store = store
        self._connection = connection
        self._since = since
        database = _one(connection, "select current_database()")
        self._place = f"{quote(database)}.{quote(store.schema)}"
        self.there = tables_in(connection, store.schema)
        self._books = f"{self._place}.{DEFINITIONS}"
        self._definitions: dict[str, str] = {}
        if DEFINITIONS in self.there:
            rows = connection.execute(f"select name, definition from {self._books}").fetchall()
            self._definitions = dict(rows)

    def make(self, relation: Relation) -> Made:
        try:
            return self._brought_up_to_date(relation)
        except duckdb.Error as problem:
            # Such as a table of this name, which somebody made. The data is there all the same.
            return Made(relation, {}, False, problem=str(problem).splitlines()[0])

    def count_marked(self, table: str) -> int:
        return count_marked(self._connection, f"{self._place}.{quote(table)}")

    def _brought_up_to_date(self, relation: Relation) -> Made:
        columns = {column.name: column.kind for column in relation.columns}
        more: dict[str, Any] = {}
        if relation.attributes:
            own = _columns(self._connection, f"{self._place}.{quote(relation.needs[0])}")
            more["own"] = ",\n    ".join(quote(name) for name in own if name not in MARKS)
            more["attributes"] = find_attributes(
                self._connection, self._place, relation, own, self.there, self._since
            )
        sql = relation.render(self.there, **more).sql
        is_new = relation.name not in self.there or self._definitions.get(relation.name) != sql
        if is_new:
            self._create(relation, sql, more.get("attributes"))
        if relation.attributes:
            columns = _columns(self._connection, f"{self._place}.{quote(relation.name)}")
        return Made(relation, columns, is_new)

    def _create(self, relation: Relation, sql: str, attributes: Attributes | None) -> None:
        view, named = f"{self._place}.{quote(relation.name)}", {"name": relation.name}

        def create(connection: DuckDBPyConnection) -> None:
            # So that the view can name the tables without a schema.
            connection.execute(f"use {self._place}")
            connection.execute(f"create or replace view {view} as {sql}")
            connection.execute(f"comment on view {view} is {text(relation.description)}")
            connection.execute(
                f"create table if not exists {self._books} (name varchar, definition varchar)"
            )
            connection.execute(f"delete from {self._books} where name = $name", named)
            connection.execute(
                f"insert into {self._books} values ($name, $sql)", {**named, "sql": sql}
            )
            if attributes is not None and attributes.is_news:
                remember(connection, self._place, relation.name, attributes)

        # Runs of other tables make relations at the same time.
        self._store.write(create)


def _columns(connection: DuckDBPyConnection, what: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in connection.execute(f"describe {what}").fetchall()}


def _one(connection: DuckDBPyConnection, sql: str) -> str:
    row = connection.execute(sql).fetchone()
    return str(row[0]) if row else ""
