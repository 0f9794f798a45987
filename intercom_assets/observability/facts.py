"""What the materialization of a table tells about it: numbers, columns, lineage, a look inside."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import duckdb

from intercom_assets.observability import metadata
from intercom_assets.observability.charts import chart_markdown
from intercom_assets.observability.presentation import Presentation
from intercom_assets.observability.preview import preview_markdown
from intercom_assets.streams.privacy import Redaction
from intercom_assets.warehouse.berth import Berth
from intercom_assets.warehouse.names import path


def facts_of(
    berth: Berth,
    key: dg.AssetKey,
    presentation: Presentation,
    redaction: Redaction,
    counts: Mapping[str, int],
    siblings: Mapping[str, dg.AssetKey],
) -> dict[str, Any]:
    """Metadata on what a run did to a table, and on the table as it is now.

    Args:
        berth: The run's place at the table, once it is done.
        key: The table's asset.
        presentation: How the table shows itself.
        redaction: What was left out of it.
        counts: What the reading cost and what was noteworthy, by name.
        siblings: The assets of the tables beside it, as far as anybody named them.
    """
    changes = berth.changes
    rows, columns = berth.describe()
    facts: dict[str, Any] = {
        metadata.TABLE_NAME: f"{berth.warehouse.schema}.{berth.name}",
        metadata.ROW_COUNT: rows,
        metadata.COLUMN_SCHEMA: _column_schema(columns, berth.spec.schema["properties"]),
        metadata.DELETED: changes.deleted,
        metadata.REFERENCE: dg.MetadataValue.url(presentation.docs_url),
        **{f"intercom/{name}": count for name, count in counts.items()},
    }
    noteworthy: dict[str, Any] = {
        metadata.NEW_COLUMNS: changes.new_columns,
        metadata.WIDENED_COLUMNS: changes.widened,
        metadata.RENAMED_COLUMNS: changes.renamed,
        metadata.DROPPED_FIELDS: list(redaction.dropped),
        metadata.HASHED_FIELDS: list(redaction.hashed),
        metadata.COLUMN_LINEAGE: _lineage(presentation, key, siblings, columns),
    }
    return facts | {name: value for name, value in noteworthy.items() if value}


def look_inside(
    berth: Berth,
    presentation: Presentation,
    preview: str,
    charts: bool,
    log: logging.Logger,
) -> dict[str, dg.MetadataValue]:
    """A preview and a chart of a table, as Markdown.

    Args:
        berth: The run's place at the table, once it is done.
        presentation: How the table shows itself.
        preview: How personal data shows, see `preview_markdown`.
        charts: Whether a chart is wanted.
        log: Learns of what cannot be shown; the table is complete without it.
    """
    found: dict[str, str | None] = {}
    columns = berth.describe()[1]
    with berth.warehouse.connection() as connection:
        table = path(connection, berth.warehouse.schema, berth.name)
        try:
            found[metadata.PREVIEW] = preview_markdown(
                connection, table, columns, presentation.plain, preview
            )
            if charts and presentation.chart:
                found[metadata.CHART] = chart_markdown(connection, table, presentation.chart)
        except duckdb.Error as problem:
            # Such as a column that is left out, or one that holds something else meanwhile.
            log.info(f"{berth.name}: not all is shown, because {type(problem).__name__}")
    return {name: dg.MetadataValue.md(text) for name, text in found.items() if text}


def _column_schema(
    columns: Mapping[str, str], properties: Mapping[str, Mapping[str, Any]]
) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name, kind.lower(), description=properties.get(name, {}).get("description")
            )
            for name, kind in columns.items()
        ]
    )


def _lineage(
    presentation: Presentation,
    key: dg.AssetKey,
    siblings: Mapping[str, dg.AssetKey],
    columns: Iterable[str],
) -> dg.TableColumnLineage | None:
    """Which columns come from which of a sibling asset's."""
    deps = {
        column: [
            dg.TableColumnDep(siblings.get(table) or dg.AssetKey([*key.path[:-1], table]), theirs)
        ]
        for column, (table, theirs) in presentation.references.items()
        if column in columns
    }
    return dg.TableColumnLineage(deps) if deps else None
