"""Attributes that a workspace has made, as columns of their own.

What the tables of attributes declare has a column even before any record has a value. What a record
has and they do not declare gets one too, of a type that holds the values met so far. Each column is
remembered, so that it keeps its name whatever comes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from duckdb import DuckDBPyConnection

from intercom_assets.models.marks import MARKS
from intercom_assets.models.relations import Relation, moment
from intercom_assets.models.text import quote, text

REMEMBERED = "_flat_columns"
# Types by what Intercom calls them, in its contact, conversation and ticket attributes.
_KINDS = {
    "string": "varchar",
    "text": "varchar",
    "list": "varchar",
    "integer": "bigint",
    "float": "double",
    "decimal": "double",
    "boolean": "boolean",
    "date": "timestamptz",
    "datetime": "timestamptz",
}
# Types by what DuckDB finds a value to be.
_MET = {"VARCHAR": "varchar", "BIGINT": "bigint", "UBIGINT": "bigint", "BOOLEAN": "boolean"}
_MET |= {"DOUBLE": "double", "NULL": ""}


@dataclass(frozen=True)
class Attribute:
    """One attribute and its column.

    Attributes:
        name: As Intercom spells it.
        column: The column's name.
        kind: The column's type.
        source: The column of the table that holds all attributes.
    """

    name: str
    column: str
    kind: str
    source: str

    @property
    def sql(self) -> str:
        """The column, as SQL."""
        pointer = "/" + self.name.replace("~", "~0").replace("/", "~1")
        value = f"json_extract({self.source}, {text(pointer)})"
        shown = f"json_extract_string({self.source}, {text(pointer)})"
        if self.kind == "timestamptz":
            value = moment(shown)
        elif self.kind == "varchar":
            value = shown
        elif self.kind != "json":
            value = f"try_cast({shown} as {self.kind})"
        return f"{value} as {quote(self.column)}"


@dataclass(frozen=True)
class Attributes:
    """The attributes of a flat relation.

    Attributes:
        found: Each attribute's column and type, by its name.
        is_news: Whether that is not what was remembered.
        source: The column of the table that holds all attributes.
    """

    found: Mapping[str, tuple[str, str]]
    is_news: bool
    source: str

    def __iter__(self) -> Iterator[Attribute]:
        for name, (column, kind) in self.found.items():
            yield Attribute(name, column, kind or "varchar", self.source)


def find_attributes(
    connection: DuckDBPyConnection,
    schema: str,
    relation: Relation,
    own: Iterable[str],
    there: Iterable[str],
    since: datetime | None,
) -> Attributes:
    """The attributes of a flat relation.

    Args:
        connection: To the warehouse.
        schema: The tables' schema, as SQL.
        relation: The relation.
        own: Columns that the table has.
        there: Tables that are there.
        since: Look only at rows written from then on; None looks at all.
    """
    table, column = relation.needs[0], relation.attributes or ""
    remembered = _remembered(connection, schema, relation.name) if REMEMBERED in there else {}
    if column not in own:
        return Attributes({}, False, column)
    met = _met(connection, f"{schema}.{quote(table)}", column, since if remembered else None)
    declared = _declared(connection, schema, [name for name in relation.also if name in there])
    found = _name(_merge(remembered, met, declared), remembered, own)
    return Attributes(found, list(found.items()) != list(remembered.items()), column)


def remember(
    connection: DuckDBPyConnection, schema: str, relation: str, attributes: Attributes
) -> None:
    """Keeps the columns of a flat relation for the next time."""
    table = f"{schema}.{REMEMBERED}"
    connection.execute(
        f"create table if not exists {table} "
        "(relation varchar, attribute varchar, column_name varchar, kind varchar, place bigint)"
    )
    connection.execute(f"delete from {table} where relation = $relation", {"relation": relation})
    rows = [
        (relation, attribute, column, kind, place)
        for place, (attribute, (column, kind)) in enumerate(attributes.found.items())
    ]
    if rows:
        connection.executemany(f"insert into {table} values (?, ?, ?, ?, ?)", rows)


def _merge(
    remembered: Mapping[str, tuple[str, str]], met: Mapping[str, str], declared: Mapping[str, str]
) -> dict[str, str]:
    """The type of each attribute: as declared, else one that holds what was met until now."""
    found = {name: kind for name, (_, kind) in remembered.items()}
    for name, kind in met.items():
        found[name] = _common(found[name], kind) if name in found else kind
    return {**found, **declared}


def _name(
    found: Mapping[str, str], remembered: Mapping[str, tuple[str, str]], own: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """The column of each attribute. A name that is taken, whatever its case, gets a number."""
    taken = {name.casefold() for name in own} | MARKS.keys()
    # What was named before comes first, and in the order of then.
    named: dict[str, tuple[str, str]] = {}
    for name in [*remembered, *sorted(found.keys() - remembered.keys())]:
        column = remembered[name][0] if name in remembered else _spelling(name)
        number, free = 2, column
        while free.casefold() in taken:
            free, number = f"{column}__{number}", number + 1
        taken.add(free.casefold())
        named[name] = (free, found[name])
    return named


def _spelling(name: str) -> str:
    return name.replace("\0", "\ufffd") or "_"


def _common(one: str, other: str) -> str:
    if one == other or not other:
        return one
    if not one:
        return other
    if {one, other} == {"bigint", "double"}:
        return "double"
    return "json" if "json" in (one, other) else "varchar"


def _met(
    connection: DuckDBPyConnection, table: str, column: str, since: datetime | None
) -> dict[str, str]:
    """What rows have, whether or not it is declared."""
    rows = f"select {column} as value from {table} where json_type({column}) = 'OBJECT'"
    if since is not None:
        rows += " and _synced_at >= $since"
    pairs = connection.execute(
        f"""
        select distinct name, json_type(value, '/' || replace(replace(name, '~', '~0'), '/', '~1'))
        from (select value, unnest(json_keys(value)) as name from ({rows}))
        order by all
        """,
        {} if since is None else {"since": since},
    ).fetchall()
    found: dict[str, str] = {}
    for name, kind in pairs:
        met = _MET.get(kind, "json")
        found[name] = _common(found[name], met) if name in found else met
    return found


def _declared(connection: DuckDBPyConnection, schema: str, tables: Iterable[str]) -> dict[str, str]:
    """What the tables of attributes say. Two ticket types may differ about a name."""
    found: dict[str, str] = {}
    for table in tables:
        rows = connection.execute(
            f"""
            from (
                from {schema}."{table}"
                union all by name
                select null::varchar as full_name, true as custom where false
            )
            select coalesce(regexp_extract(full_name, '^custom_attributes\\.(.*)$', 1), name),
                data_type
            where name is not null and custom is distinct from false
            order by all
            """
        ).fetchall()
        for name, data_type in rows:
            kind = _KINDS.get(str(data_type).lower(), "json")
            found[name] = _common(found[name], kind) if name in found else kind
    return found


def _remembered(
    connection: DuckDBPyConnection, schema: str, relation: str
) -> dict[str, tuple[str, str]]:
    rows = connection.execute(
        f"select attribute, column_name, kind from {schema}.{REMEMBERED} "
        "where relation = $relation order by place",
        {"relation": relation},
    ).fetchall()
    return {attribute: (column, kind) for attribute, column, kind in rows}
