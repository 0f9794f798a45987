"""Relations and models in Dagster's asset graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from intercom_assets.models.making import Made, Store, make_relations
from intercom_assets.models.relations import Relation, Rendered, relations_over
from intercom_assets.observability import metadata
from intercom_assets.observability.metadata import IntercomMetadataSet

RELATIONS = "relations"


def relation_specs(tables: Mapping[str, dg.AssetKey]) -> list[dg.AssetSpec]:
    """The relations over these tables as assets, which the runs of the tables report.

    Args:
        tables: The assets of the tables, by the tables' names.
    """
    return [_spec(relation, tables) for relation in relations_over(tables)]


def report_relations(
    store: Store, table: str, tables: Mapping[str, dg.AssetKey], since: datetime, log: Any
) -> Iterator[dg.AssetMaterialization]:
    """Makes the relations over a table that has just been written, and yields that they are there.

    Args:
        store: Where the table is.
        table: Its name.
        tables: The assets of all tables, by the tables' names.
        since: When the run that wrote the table began.
        log: Is told of relations that could not be made.
    """
    for made in make_relations(store, table, since):
        if made.problem:
            log.warning(f"the view {made.relation.name} could not be made: {made.problem}")
            continue
        yield dg.AssetMaterialization(
            key_of(made.relation, tables),
            description="The view was made." if made.is_new else "The view shows what is new.",
            metadata={
                metadata.COLUMN_SCHEMA: _schema(made),
                **IntercomMetadataSet(rows_gone=made.left_out),
            },
        )


def key_of(relation: Relation, tables: Mapping[str, dg.AssetKey]) -> dg.AssetKey:
    """A relation's asset: beside that of its table."""
    table = next(name for name in relation.tables if name in tables)
    return dg.AssetKey([*tables[table].path[:-1], relation.name])


def _spec(relation: Relation, tables: Mapping[str, dg.AssetKey]) -> dg.AssetSpec:
    there = [table for table in relation.tables if table in tables]
    told: dict[str, Any] = {}
    if not relation.attributes:
        columns = [
            dg.TableColumn(column.name, column.kind, column.description)
            for column in relation.columns
        ]
        told[metadata.COLUMN_SCHEMA] = dg.TableSchema(columns=columns)
        told[metadata.COLUMN_LINEAGE] = _lineage(relation, relation.render(there), tables)
    return dg.AssetSpec(
        key_of(relation, tables),
        deps=[tables[table] for table in there],
        description=f"{relation.description}\n\nA view, made by the run that makes its table.",
        group_name=RELATIONS,
        kinds={"duckdb", "view"},
        metadata=told,
    )


def _lineage(
    relation: Relation, rendered: Rendered, tables: Mapping[str, dg.AssetKey]
) -> dg.TableColumnLineage:
    origins = rendered.origins
    return dg.TableColumnLineage(
        {
            column.name: [
                dg.TableColumnDep(tables[table], source)
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
