"""The page: one file of HTML that needs nothing else."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from intercom_assets.report.figures import Figures, Tile


def page_of(figures: Figures) -> str:
    """The page as HTML.

    Raises:
        ImportError: When the extra `report` is not installed.
    """
    # Slow to import, so only where there is a page.
    import jinja2
    from markupsafe import Markup

    from intercom_assets.report.charts import HEIGHT, charts_of

    charts = charts_of(figures)
    period = figures.period
    template = jinja2.Environment(autoescape=True).from_string(
        Path(__file__).with_name("page.html").read_text("utf-8")
    )
    return template.render(
        first=period.first.strftime("%-d %B %Y"),
        last=period.last.strftime("%-d %B %Y"),
        days=(period.last - period.first).days + 1,
        tiles=[
            (tile.title, written(tile, tile.value), written(tile, tile.before))
            for tile in figures.tiles
        ],
        charts=charts,
        height=HEIGHT,
        library=Markup(_library()),
        specs=Markup(_in_script([spec for _, _, spec in charts])),
    )


def written(tile: Tile, value: float | None) -> str:
    """A number as people read it."""
    if value is None:
        return "–"
    if tile.kind == "share":
        return f"{value:.0%}"
    if tile.kind == "count":
        return f"{value:,.0f}"
    minutes = value / 60
    if minutes < 100:
        return f"{minutes:.0f} min" if minutes >= 1 else f"{value:.0f} s"
    hours = minutes / 60
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def _in_script(value: object) -> str:
    """JSON that ends no script, whatever a tag is called."""
    return json.dumps(value, default=float).replace("<", "\\u003c")


@cache
def _library() -> str:
    import vl_convert

    return str(vl_convert.javascript_bundle()).replace("</script", "<\\/script")
