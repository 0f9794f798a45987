"""Relations and models in Dagster's asset graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from intercom_assets.models.making import Made, Store, make_relations
from intercom_assets.models.relations import Relation, Rendered, relations_over

RELATIONS = "relations"


def relation_specs(tables: Iterable[str], prefix: Sequence[str] = ()) -> list[dg.AssetSpec]:
    """The relations over these tables as assets, which the runs of the tables report.

    Args:
        tables: The tables that are assets.
        prefix: What the assets' keys begin with.
    """
    there = list(tables)
    return [_spec(relation, there, prefix) for relation in relations_over(there)]


def report_relations(
    store: Store, table: dg.AssetKey, since: datetime, log: Any
) -> Iterator[dg.AssetMaterialization]:
    """Makes the relations over a table that has just been written, and yields that they are there.

    Args:
        store: Where the table is.
        table: The table's asset.
        since: When the run that wrote it began.
        log: Is told of those that could not be made.
    """
    for made in make_relations(store, table.path[-1], since):
        if made.problem:
            log.warning(f"the view {made.relation.name} could not be made: {made.problem}")
            continue
        yield dg.AssetMaterialization(
            dg.AssetKey([*table.path[:-1], made.relation.name]),
            description="The view was made." if made.is_new else "The view shows what is new.",
            metadata={"dagster/column_schema": _schema(made)},
        )


def _spec(relation: Relation, there: Sequence[str], prefix: Sequence[str]) -> dg.AssetSpec:
    tables = [table for table in relation.tables if table in there]
    metadata: dict[str, Any] = {}
    if not relation.attributes:
        columns = [
            dg.TableColumn(column.name, column.kind, column.description)
            for column in relation.columns
        ]
        metadata["dagster/column_schema"] = dg.TableSchema(columns=columns)
        rendered = relation.render(tables)
        metadata["dagster/column_lineage"] = _lineage(relation, rendered, prefix)
    return dg.AssetSpec(
        dg.AssetKey([*prefix, relation.name]),
        deps=[dg.AssetKey([*prefix, table]) for table in tables],
        description=f"{relation.description}\n\nA view, made by the run that makes its table.",
        group_name=RELATIONS,
        kinds={"duckdb", "view"},
        metadata=metadata,
    )


def _lineage(
    relation: Relation, rendered: Rendered, prefix: Sequence[str]
) -> dg.TableColumnLineage:
    origins: Mapping[str, Sequence[tuple[str, str]]] = rendered.origins
    return dg.TableColumnLineage(
        {
            column.name: [
                dg.TableColumnDep(dg.AssetKey([*prefix, table]), source)
                for table, source in origins.get(column.name, origins[""])
            ]
            for column in relation.columns
        }
    )


def _schema(made: Made) -> dg.TableSchema:
    told = {column.name: column.description for column in made.relation.columns}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind.lower(), told.get(name))
            for name, kind in made.columns.items()
        ]
    )
