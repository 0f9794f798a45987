"""Relations: what is nested in the records of a table, as views of rows and columns.

Each is a SELECT in ``views/NAME.sql`` with its documentation in ``views/schema.yml``. A view names
the tables beside it without their schema; DuckDB looks for them in the view's own. So it works in a
copy of the file, under whatever name that is attached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from intercom_assets.models.columns import Column
from intercom_assets.models.declared import declared
from intercom_assets.models.marks import MARKS
from intercom_assets.models.templating import compiled

HERE = Path(__file__).with_name("views")


@dataclass(frozen=True)
class Relation:
    """One view.

    Attributes:
        name: Its name.
        description: What a row is.
        needs: Tables that it cannot be without.
        also: Tables of which it takes in those that are there.
        key: Columns that tell its rows apart.
        columns: Its columns; of a flat relation those are its table's, and more that follow the
            attributes which the workspace has made.
        attributes: The column of attributes that a flat relation makes columns of.
    """

    name: str
    description: str
    needs: tuple[str, ...]
    also: tuple[str, ...]
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    attributes: str | None

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables that it reads."""
        return self.needs + self.also

    def is_possible(self, tables: Iterable[str]) -> bool:
        """Whether it can be made where these tables are."""
        there = set(tables)
        return there.issuperset(self.needs) and not there.isdisjoint(self.tables)

    def render(self, tables: Iterable[str], **own: Any) -> Rendered:
        """The SELECT, where these tables are.

        Args:
            tables: The tables that are there.
            **own: More that the template may name.
        """
        rendering = _Rendering()
        sql = compiled((HERE / f"{self.name}.sql").read_text("utf-8")).render(
            tables=set(tables),
            moment=moment,
            live=rendering.live,
            all=rendering.all,
            items=rendering.items,
            **own,
        )
        return Rendered(sql.strip(), rendering.origins)


@dataclass(frozen=True)
class Rendered:
    """A relation's SELECT.

    Attributes:
        sql: It.
        origins: The table and column that each column comes from; under `""` that of all others.
    """

    sql: str
    origins: Mapping[str, Sequence[tuple[str, str]]]


@dataclass
class _Rendering:
    origins: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def live(self, table: str, **columns: str) -> str:
        """The rows of a table that are not gone, with these columns even where it lacks them."""
        for column in columns:
            self._note("", table, column)
        return _live(table, columns)

    def all(self, table: str, **columns: str) -> str:
        """The rows of a table, also those that are gone, with their marks and these columns."""
        for column in columns:
            self._note("", table, column)
        return _all(table, columns)

    def items(self, table: str, column: str, *, inside: str = "", **keys: str) -> str:
        """The items of a list, each a row: `item`, its `position` from 1, and columns beside it.

        Args:
            table: The table.
            column: Its column that holds the list.
            inside: Where in that column's objects the list may be, for it is not always unwrapped.
            **keys: The table's columns that are given along, by the names they get.
        """
        for name, source in keys.items():
            self._note(name, table, source)
        self._note("", table, column)
        rows = _live(table, {**dict.fromkeys(keys.values(), "varchar"), column: "json"})
        found = f"json_extract({column}, '$[*]')"
        if inside:
            deeper = f"json_extract({column}, '$.{inside}[*]')"
            found = f"case json_type({column}) when 'OBJECT' then {deeper} else {found} end"
        given = ", ".join(f"{source} as {name}" for name, source in keys.items())
        return (
            f"(select {given}, unnest(_list) as item, generate_subscripts(_list, 1) as position "
            f"from (select *, {found} as _list from {rows}))"
        )

    def _note(self, name: str, table: str, column: str) -> None:
        found = self.origins.setdefault(name, [])
        if (table, column) not in found:
            found.append((table, column))


def _live(table: str, columns: Mapping[str, str]) -> str:
    marks = " and ".join(f"{name} is null" for name in MARKS)
    return f"(select * exclude ({', '.join(MARKS)}) from {_all(table, columns)} where {marks})"


def _all(table: str, columns: Mapping[str, str]) -> str:
    lacking = ", ".join(f"null::{kind} as {name}" for name, kind in {**MARKS, **columns}.items())
    return f'(from "{table}" union all by name select {lacking} where false)'


def moment(text: str) -> str:
    """The time that a value inside a record tells, in epoch seconds or ISO 8601, as SQL."""
    return f"coalesce(to_timestamp(try_cast({text} as double)), try_cast({text} as timestamptz))"


@cache
def relations() -> Mapping[str, Relation]:
    """All relations by name, in the order of their documentation."""
    found = declared(HERE / "schema.yml")["relations"]
    return {name: _relation(name, facts) for name, facts in found.items()}


def relations_over(tables: Iterable[str]) -> list[Relation]:
    """The relations that can be made where these tables are."""
    there = set(tables)
    return [relation for relation in relations().values() if relation.is_possible(there)]


def _relation(name: str, facts: Mapping[str, Any]) -> Relation:
    return Relation(
        name,
        facts["description"],
        tuple(facts.get("needs", ())),
        tuple(facts.get("also", ())),
        tuple(facts["key"]),
        tuple(Column(name, *about) for name, about in facts.get("columns", {}).items()),
        facts.get("attributes"),
    )
