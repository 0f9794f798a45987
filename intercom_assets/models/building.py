"""Builds one model in a warehouse, all of it or what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.models.marks import count_marked
from intercom_assets.models.package import (
    TIME_ZONE,
    WITHOUT,
    Place,
    Rendered,
    Test,
    models,
    sources,
    template_of,
)
from intercom_assets.models.text import quote, text
from intercom_assets.models.there import tables_in

MODELS_SCHEMA = "intercom_models"
DEFINITIONS = "_models"
# Without these a model does, even if they were asked for and could not be read.
OPTIONAL = frozenset({"admins", "teams", "workspace"})


@dataclass(frozen=True)
class Built:
    """A model that was built.

    Attributes:
        rows: How many rows it has.
        columns: Types of its columns.
        is_whole: Whether all of it was made anew.
        left_out: How many rows of the tables that it reads are gone at Intercom.
    """

    rows: int
    columns: dict[str, str]
    is_whole: bool
    left_out: int


class Builder:
    """Builds models in one database.

    Args:
        connection: To it, in a transaction.
        tables: Tables of Intercom's that the models may read.
        schema: Their schema.
        models_schema: The schema of the models.
        time_zone: In which days begin, instead of what Intercom tells.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        tables: Iterable[str],
        schema: str = "intercom",
        models_schema: str = MODELS_SCHEMA,
        time_zone: str | None = None,
    ) -> None:
        self._connection = connection
        there = set(tables)
        self._models = self._path(models_schema)
        origin = self._path(schema)
        variables: dict[str, Any] = {WITHOUT: [name for name in sources() if name not in there]}
        if time_zone:
            variables[TIME_ZONE] = time_zone
        self._place = Place(lambda table: f"{origin}.{quote(table)}", self._model_path, variables)
        self._books = f"{self._models}.{DEFINITIONS}"

    def build(self, model: str, full_refresh: bool = False) -> Built:
        """Builds a model; the models that it reads are there.

        Args:
            model: Its name.
            full_refresh: Whether one that could be brought up to date is made anew.
        """
        connection, table = self._connection, self._model_path(model)
        connection.execute(f"create schema if not exists {self._models}")
        connection.execute(
            f"create table if not exists {self._books} (name varchar, definition varchar)"
        )
        template = template_of(model)
        whole = self._place.render(template, model)
        if full_refresh or not self._can_be_brought_up_to_date(model, whole):
            connection.execute(f"create or replace table {table} as {whole.sql}")
            self._describe(model, table)
            self._remember(model, whole)
            is_whole = True
        else:
            self._bring_up_to_date(table, self._place.render(template, model, True))
            is_whole = False
        columns = connection.execute(f"describe {table}").fetchall()
        return Built(
            self._count(f"from {table}"),
            {name: kind for name, kind, *_ in columns},
            is_whole,
            self._left_out(whole.sources),
        )

    def failures(self, model: str, test: Test) -> int:
        """How many rows a test finds that should not be."""
        return self._count(f"from ({self._place.render(test.template, model).sql})")

    def _describe(self, model: str, table: str) -> None:
        """Whoever finds the table in the database reads there what it tells."""
        told = models()[model]
        self._connection.execute(f"comment on table {table} is {text(told.description)}")
        for column in told.columns:
            self._connection.execute(
                f"comment on column {table}.{quote(column.name)} is {text(column.description)}"
            )

    def _left_out(self, tables: Iterable[str]) -> int:
        # Names are told of those, too, who have left.
        read = set(tables) - OPTIONAL
        return sum(count_marked(self._connection, self._place.source(table)) for table in read)

    def _can_be_brought_up_to_date(self, model: str, whole: Rendered) -> bool:
        if whole.config.get("materialized") != "incremental":
            return False
        before = self._connection.execute(
            f"select definition from {self._books} where name = $name", {"name": model}
        ).fetchone()
        # A later version of the package may have another definition.
        return before == (whole.sql,) and self._is_there(model)

    def _bring_up_to_date(self, table: str, changed: Rendered) -> None:
        connection, key = self._connection, changed.config["unique_key"]
        connection.execute(f"create or replace temp table _changed as {changed.sql}")
        connection.execute(f"delete from {table} where {key} in (select {key} from _changed)")
        connection.execute(f"insert into {table} by name from _changed")
        connection.execute("drop table _changed")
        if hook := changed.config.get("post_hook"):
            connection.execute(self._place.render(hook, _last(table)).sql)

    def _remember(self, model: str, whole: Rendered) -> None:
        named = {"name": model}
        self._connection.execute(f"delete from {self._books} where name = $name", named)
        self._connection.execute(
            f"insert into {self._books} values ($name, $sql)", {**named, "sql": whole.sql}
        )

    def _is_there(self, model: str) -> bool:
        return model in tables_in(self._connection, _last(self._models))

    def _model_path(self, model: str) -> str:
        return f"{self._models}.{quote(model)}"

    def _path(self, schema: str) -> str:
        row = self._connection.execute("select current_database()").fetchone()
        return f"{quote(str(row[0]) if row else '')}.{quote(schema)}"

    def _count(self, what: str) -> int:
        row = self._connection.execute(f"select count(*) {what}").fetchone()
        return int(row[0]) if row else 0


def _last(path: str) -> str:
    return path.rsplit('."', 1)[1].removesuffix('"')
