"""What the materialization of a table tells about it: columns, lineage, a look inside."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import dagster as dg
import duckdb

from intercom_assets.observability import metadata
from intercom_assets.observability.charts import chart_markdown
from intercom_assets.observability.metadata import IntercomMetadataSet
from intercom_assets.observability.presentation import Presentation
from intercom_assets.observability.preview import preview_markdown
from intercom_assets.observability.step_log import StepLog
from intercom_assets.streams.privacy import Redaction
from intercom_assets.warehouse.berth import Berth
from intercom_assets.warehouse.names import path
from intercom_assets.warehouse.statements import living


def facts_of(
    berth: Berth,
    columns: Mapping[str, str],
    key: dg.AssetKey,
    presentation: Presentation,
    redaction: Redaction,
    siblings: Mapping[str, dg.AssetKey],
) -> dict[str, Any]:
    """Metadata on a table as a run leaves it, beside the run's numbers.

    Args:
        berth: The run's place at the table, once it is done.
        columns: Types of the table's columns, by name.
        key: The table's asset.
        presentation: How the table shows itself.
        redaction: What was left out of it.
        siblings: The assets of the tables beside it, as far as anybody named them.
    """
    changes = berth.changes
    told = IntercomMetadataSet(
        new_columns=_json(changes.new_columns),
        widened_columns=_json(changes.widened),
        unparsed_values=_json(dict(changes.unparsed)),
        renamed_columns=_json(changes.renamed),
        dropped_fields=_json(list(redaction.dropped)),
        hashed_fields=_json(list(redaction.hashed)),
        reference=dg.MetadataValue.url(presentation.docs_url),
    )
    lineage = _lineage(presentation, key, siblings, columns)
    return {
        **told,
        metadata.TABLE_NAME: f"{berth.warehouse.schema}.{berth.name}",
        metadata.COLUMN_SCHEMA: _column_schema(columns, berth.spec.schema["properties"]),
        **({metadata.COLUMN_LINEAGE: lineage} if lineage else {}),
    }


def look_inside(
    berth: Berth,
    columns: Mapping[str, str],
    presentation: Presentation,
    preview: str,
    charts: bool,
    today: date,
    log: StepLog,
) -> dict[str, Any]:
    """A preview and a chart of a table, as Markdown.

    Args:
        berth: The run's place at the table, once it is done.
        columns: Types of the table's columns, by name.
        presentation: How the table shows itself.
        preview: How personal data shows, see `preview_markdown`.
        charts: Whether a chart is wanted.
        today: The date by the source's clock.
        log: Learns of what cannot be shown; the table is complete without it.
    """
    shown: str | None = None
    chart: str | None = None
    with berth.warehouse.connection() as connection:
        table = living(path(connection, berth.warehouse.schema, berth.name))
        try:
            shown = preview_markdown(
                connection,
                table,
                columns,
                berth.spec.key,
                presentation.plain,
                berth.changes.samples,
                preview,
            )
            if charts and presentation.chart:
                chart = chart_markdown(connection, table, presentation.chart, today)
        except duckdb.Error as problem:
            # Such as a column that is left out, or one that holds something else meanwhile.
            log.info(f"not all is shown, because of a {type(problem).__name__}")
    return dict(IntercomMetadataSet(preview=_markdown(shown), chart=_markdown(chart)))


def _markdown(text: str | None) -> dg.MarkdownMetadataValue | None:
    return dg.MetadataValue.md(text) if text else None


def _json(value: Mapping[str, Any] | list[str]) -> dg.JsonMetadataValue | None:
    return dg.MetadataValue.json(value) if value else None


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
