"""The dbt package, read without dbt: models in SQL, their documentation and their tests.

The package uses no more of dbt than `ref`, `source`, `var`, `config`, `this` and `is_incremental`,
so that a few lines of Jinja make of it what dbt makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from intercom_assets.models.columns import Column
from intercom_assets.models.declared import declared
from intercom_assets.models.templating import compiled
from intercom_assets.models.text import text

PACKAGE = Path(__file__).with_name("dbt")
SCHEMA = PACKAGE / "models" / "schema.yml"
WITHOUT = "intercom_without"
TIME_ZONE = "intercom_time_zone"


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        name: Its name, which is its table's.
        description: What a row is.
        columns: Its columns.
        tests: What must hold of it.
        lineage: The tables or models, and their columns, that each column is made of.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    tests: tuple[Test, ...]
    lineage: Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Test:
    """What must hold of a model: a query that must find no row.

    Attributes:
        name: Its name, as dbt calls it.
        description: What it looks at.
        template: The query, and dbt's configuration of the test.
    """

    name: str
    description: str
    template: str

    @property
    def is_warning(self) -> bool:
        """Whether a failure is no more than a warning."""
        return Place().render(self.template).config.get("severity") == "warn"


@dataclass
class Rendered:
    """What a template says, given what is there.

    Attributes:
        sql: The query.
        refs: Models that it reads.
        sources: Tables that it reads.
        config: What it says of itself.
    """

    sql: str = ""
    refs: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where tables are, and what the package is told.

    Attributes:
        source: The SQL name of a table of Intercom's.
        ref: The SQL name of a model.
        variables: The package's variables.
    """

    source: Callable[[str], str] = str
    ref: Callable[[str], str] = str
    variables: Mapping[str, Any] = field(default_factory=dict)

    def render(self, template: str, this: str = "", is_incremental: bool = False) -> Rendered:
        """Renders a template of the package.

        Args:
            template: It.
            this: The model that it belongs to.
            is_incremental: Whether only what changed is to be made.
        """
        found = Rendered()

        def ref(name: str) -> str:
            found.refs.append(name)
            return self.ref(name)

        def source(_: str, table: str) -> str:
            found.sources.append(table)
            return self.source(table)

        def config(**said: Any) -> str:
            found.config.update(said)
            return ""

        sql = compiled(template).render(
            ref=ref,
            source=source,
            config=config,
            var=lambda name, default=None: self.variables.get(name, default),
            is_incremental=lambda: is_incremental,
            this=self.ref(this),
        )
        found.sql = sql.strip()
        return found


def template_of(model: str) -> str:
    """The template of a model."""
    return (PACKAGE / "models" / f"{model}.sql").read_text("utf-8")


@cache
def sources() -> tuple[str, ...]:
    """Tables of Intercom's that the package may read, relations among them."""
    tables = declared(PACKAGE / "models" / "sources.yml")["sources"][0]["tables"]
    return tuple(table["name"] for table in tables)


@cache
def models() -> Mapping[str, Model]:
    """All models by name, as they are documented."""
    return {facts["name"]: _model(facts) for facts in declared(SCHEMA)["models"]}


def models_over(tables: Iterable[str]) -> dict[str, Rendered]:
    """The models that can be made of these tables, each after those that it reads.

    Args:
        tables: Tables of Intercom's that are there, relations among them.
    """
    there = set(tables)
    if not there:
        return {}
    place = Place(variables={WITHOUT: [name for name in sources() if name not in there]})
    rendered = {name: place.render(template_of(name)) for name in models()}
    graph = {name: set(each.refs) for name, each in rendered.items()}
    found: dict[str, Rendered] = {}
    for name in TopologicalSorter(graph).static_order():
        each = rendered[name]
        if there.issuperset(each.sources) and found.keys() >= set(each.refs):
            found[name] = each
    # The time zone takes no table, but is of use only for models that do.
    read = {name for each in found.values() for name in each.refs}
    return {name: each for name, each in found.items() if each.sources or each.refs or name in read}


def _model(facts: Mapping[str, Any]) -> Model:
    name = facts["name"]
    columns = facts["columns"]
    return Model(
        name,
        facts["description"],
        tuple(Column(each["name"], each["data_type"], each["description"]) for each in columns),
        (
            *(
                _test(name, each["name"], test)
                for each in columns
                for test in each.get("data_tests", ())
            ),
            *_own_tests(name),
        ),
        {each["name"]: _origins(each.get("meta", {}).get("from", ())) for each in columns},
    )


def _origins(told: Iterable[str]) -> Sequence[tuple[str, str]]:
    return [(table, column) for table, column in (each.split(".") for each in told)]


def _test(model: str, column: str, said: str | Mapping[str, Any]) -> Test:
    """One of the tests that dbt knows by name."""
    kind, facts = (said, {}) if isinstance(said, str) else next(iter(said.items()))
    what = f"{{{{ ref('{model}') }}}}"
    if kind == "unique":
        sql = (
            f"select {column} from {what} where {column} is not null "
            f"group by {column} having count(*) > 1"
        )
        told = f"{column} tells the rows apart."
    elif kind == "not_null":
        sql, told = f"select 1 from {what} where {column} is null", f"{column} is never empty."
    elif kind == "accepted_values":
        values = [str(value) for value in facts["values"]]
        listed = ", ".join(text(value) for value in values)
        sql = f"select {column} from {what} where {column}::varchar not in ({listed})"
        told = f"{column} is one of {', '.join(values)}."
    elif kind == "relationships":
        other = f"{{{{ {facts['to']} }}}}"
        sql = (
            f"select {column} from {what} where {column} is not null "
            f"and {column} not in (select {facts['field']} from {other})"
        )
        told = f"{column} is in {facts['to']}."
    else:
        raise ValueError(f"{model}.{column}: no such test: {kind}")
    if severity := facts.get("config", {}).get("severity"):
        sql = f"{{{{ config(severity='{severity}') }}}}{sql}"
    return Test(f"{kind}_{model}_{column}", told, sql)


def _own_tests(model: str) -> Sequence[Test]:
    """The tests of the package's own that begin with the model's name."""
    found = []
    for path in sorted((PACKAGE / "tests").glob(f"{model}_*.sql")):
        template = path.read_text("utf-8")
        comments = [line[3:] for line in template.splitlines() if line.startswith("-- ")]
        found.append(Test(path.stem, " ".join(comments), template))
    return found
