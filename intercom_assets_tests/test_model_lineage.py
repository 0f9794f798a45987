"""Which columns a model's column is made of: what its documentation says is what DuckDB reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
import pytest

from intercom_assets import build_intercom_definitions
from intercom_assets.models.package import Place, models, sources, template_of
from intercom_assets_tests import desk_around, test_models
from intercom_assets_tests.desk import desk, warehouse

Columns = set[tuple[str, str]]
# How DuckDB tells what a scan reads may be otherwise in another version.
pytestmark = pytest.mark.skipif(duckdb.__version__ < "2", reason="plans of DuckDB 2")


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Sources and models, all of them tables: a view would show what is behind it."""
    store = warehouse(tmp_path_factory.mktemp("lineage") / "desk.duckdb")
    test_models.fill(store, desk())
    desk_around.fill(store, desk_around.around())
    with store.connection() as found:
        # It would not read a column that happens to hold nothing.
        found.execute("set disabled_optimizers = 'statistics_propagation'")
        found.execute("attach ':memory:' as tables")
        for schema, names in (("intercom", sources()), ("intercom_models", models())):
            for name in names:
                found.execute(f"create table tables.{name} as from desk.{schema}.{name}")
        yield found


def read(plan: Any) -> Columns:
    """The columns that a plan's scans read."""
    info, found = plan.get("extra_info", {}), set()
    if "Table" in info:
        table = info["Table"].replace('"', "").split(".")[-1]
        columns = info.get("Projections", [])
        found = {(table, each) for each in ([columns] if isinstance(columns, str) else columns)}
    return found.union(*map(read, plan.get("children", [])))


def needed(connection: duckdb.DuckDBPyConnection, model: str, column: str) -> Columns:
    """What is read for one column of a model."""
    place = Place(lambda table: f"tables.{table}", lambda name: f"tables.{name}")
    sql = place.render(template_of(model), model).sql
    row = connection.execute(f"explain (format json) select {column} from ({sql})").fetchone()
    return {each for each in read(json.loads(row[1] if row else "")[0]) if each[1]}


def origins(connection: duckdb.DuckDBPyConnection, model: str) -> dict[str, list[str]]:
    """What each column is made of: beyond what is read in any case, else what is called like it."""
    always = needed(connection, model, "1")
    found = {}
    for column in models()[model].columns:
        own = needed(connection, model, f'"{column.name}"')
        named = {each for each in own if each[1] == column.name}
        found[column.name] = sorted(".".join(each) for each in (own - always or named))
    return found


@pytest.mark.long
@pytest.mark.parametrize("model", models())
def test_a_column_is_made_of_what_its_documentation_says(
    model: str, connection: duckdb.DuckDBPyConnection
) -> None:
    told = models()[model].lineage
    for name, of in origins(connection, model).items():
        if of:
            assert sorted(map(".".join, told[name])) == of, name
        else:
            # Of what is read in any case, a part.
            assert told[name] and needed(connection, model, f'"{name}"').issuperset(told[name])


def test_assets_tell_where_columns_come_from() -> None:
    graph = build_intercom_definitions(streams="all", key_prefix="eu").resolve_asset_graph()
    for model in models().values():
        metadata = graph.get(dg.AssetKey(["eu", model.name])).metadata
        lineage = metadata["dagster/column_lineage"].deps_by_column
        assert lineage.keys() == {column.name for column in model.columns}
        for deps in lineage.values():
            for dep in deps:
                assert dep.asset_key in graph.get(dg.AssetKey(["eu", model.name])).parent_keys
                schema = graph.get(dep.asset_key).metadata["dagster/column_schema"]
                assert dep.column_name in {column.name for column in schema.columns}
