"""The report as an asset, whose metadata shows where the page is and what it says."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from intercom_assets.observability.metadata import IntercomMetadataSet
from intercom_assets.report.figures import Figures, figures_of
from intercom_assets.report.page import page_of, written

NAME = "support_report"


class ReportConfig(dg.Config):
    """Run config of the report."""

    first: str | None = Field(default=None, description="First day; default 28 days.")
    last: str | None = Field(default=None, description="Last day; default the newest.")


def build_support_report(
    models: Sequence[dg.AssetKey],
    *,
    key_prefix: Sequence[str] = (),
    models_schema: str,
    io_manager_key: str,
) -> dg.AssetsDefinition:
    """The report on these models.

    Args:
        models: Assets of the models.
        key_prefix: What the asset's key begins with.
        models_schema: The models' schema.
        io_manager_key: The IO manager that stores them.
    """
    key = dg.AssetKey([*key_prefix, NAME])

    @dg.asset(
        key=key,
        deps=models,
        group_name="report",
        kinds={"html"},
        description="A page of pictures: volume, response, closing, backlog, CSAT, Fin, teams, "
        "busiest hours, tags. Names nobody.",
        automation_condition=dg.AutomationCondition.eager(),
        required_resource_keys={io_manager_key},
    )
    def support_report(
        context: dg.AssetExecutionContext, config: ReportConfig
    ) -> dg.MaterializeResult[Any]:
        store = getattr(context.resources, io_manager_key)
        try:
            figures = store.warehouse().ask(
                lambda connection: figures_of(
                    connection, models_schema, _day(config.first), _day(config.last)
                )
            )
        except LookupError as problem:
            raise dg.Failure(str(problem), allow_retries=False) from None
        told = IntercomMetadataSet(
            period=f"{figures.period.first} to {figures.period.last}",
            figures=dg.MetadataValue.md(_table(figures)),
        )
        try:
            page = page_of(figures)
        except ImportError:
            context.log.warning("there is no page without intercom-assets[report]")
            return dg.MaterializeResult(metadata=dict(told))
        folder = Path(context.instance.storage_directory()) / "_".join(key.path)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{context.run.run_id}.html"
        path.write_text(page, "utf-8")
        shown = IntercomMetadataSet(page=dg.MetadataValue.path(str(path)))
        return dg.MaterializeResult(metadata={**shown, **told})

    return support_report


def _table(figures: Figures) -> str:
    """The figures as Markdown."""
    rows = [
        (tile.title, written(tile, tile.value), written(tile, tile.before))
        for tile in figures.tiles
    ]
    lines = [("", "period", "before"), ("---", "---:", "---:"), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
