"""Small charts as Markdown that Dagster's UI shows; without matplotlib there are none."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from datetime import date, timedelta
from importlib.util import find_spec

from duckdb import DuckDBPyConnection

from intercom_assets.streams.chart import Chart

DAYS = 90
# More series than that cannot be told apart: the rarest are one.
SERIES = 6
OTHERS = "others"

# In dots; those of the legend: what is beside its texts, and a letter of them, of which there are
# so many at most.
WIDTH, HEIGHT, DPI = 720, 260, 100
LEGEND, LETTER, LETTERS = 60, 7, 24

Count = tuple[date, str, int]


def chart_markdown(
    connection: DuckDBPyConnection, table: str, chart: Chart, today: date
) -> str | None:
    """A chart of a table's last days, as an image inside Markdown.

    It ends today, however long nothing has come: what has stopped looks stopped.

    Args:
        connection: An open connection.
        table: The table's qualified name.
        chart: What to show.
        today: The date by the source's clock.

    Returns:
        The Markdown; None if there is nothing to show, or no matplotlib to show it with.

    Raises:
        duckdb.Error: When the table lacks what the chart is of.
    """
    if find_spec("matplotlib") is None:
        return None
    rows = connection.execute(
        f"""
        with counts(day, series, n) as ({chart.query.format(table=table)}),
        past as (
            select day, coalesce(series, '?') as series, n from counts where day <= $today
        )
        select day, series, sum(n)::bigint from past
        where day > (select max(day) from past) - {DAYS}
        group by all order by all
        """,
        {"today": today},
    ).fetchall()
    if not rows:
        return None
    image = base64.b64encode(draw(chart, rows, today)).decode()
    return f"![{chart.title}](data:image/png;base64,{image})"


def draw(chart: Chart, counts: Sequence[Count], today: date) -> bytes:
    """Counts a day as a PNG: stacked areas, or a line for each series.

    Args:
        chart: What is shown.
        counts: Days, names of series, and counts; at least one.
        today: The last day on the axis.
    """
    # Slow to import, so only where a chart is drawn. No pyplot: it keeps figures in a global.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    # A day without anything on either side, so that a single day has a width.
    first = min(day for day, _, _ in counts) - timedelta(1)
    days = [first + timedelta(n) for n in range((today - first).days + 2)]
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI)
    axes = figure.add_subplot()
    series = _series(counts)
    heights = [[by_day.get(day, 0) for day in days] for by_day in series.values()]
    # A dollar sign would begin a formula.
    names = [name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…" for name in series]
    labels = [name.replace("$", r"\$") for name in names]
    # Not by one of matplotlib's layouts: each measures every text, which takes as long as drawing.
    legend = LEGEND + LETTER * max(map(len, names))
    figure.subplots_adjust(left=0.075, right=1 - legend / WIDTH, top=0.88, bottom=0.17)
    if chart.stacked:
        # One shape a series: a rectangle a day would take three times as long.
        axes.stackplot(days, *heights, labels=labels, step="mid")  # type: ignore[arg-type]
    else:
        for height, label in zip(heights, labels, strict=True):
            axes.plot(days, height, label=label)  # type: ignore[arg-type]
    axes.set_title(chart.title, fontsize=10, loc="left")
    axes.set_ylim(bottom=0)
    axes.set_xlim(first, today + timedelta(1))  # type: ignore[arg-type]
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    dates = ConciseDateFormatter(axes.xaxis.get_major_locator())  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(dates)
    axes.xaxis.get_offset_text().set_fontsize(8)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    # Millions do not need more room than thousands: 2M.
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    figure.legend(loc="upper right", bbox_to_anchor=(1, 0.9), fontsize=8, frameon=False)
    file = io.BytesIO()
    # Not by savefig, which lays everything out a second time.
    FigureCanvasAgg(figure).print_png(file)  # type: ignore[no-untyped-call]
    return file.getvalue()


def _series(counts: Sequence[Count]) -> dict[str, dict[date, int]]:
    """Counts by series and day, the most frequent series first."""
    totals: dict[str, int] = {}
    for _, name, count in counts:
        totals[name] = totals.get(name, 0) + count
    names = sorted(totals, key=lambda name: -totals[name])
    shown = names if len(names) <= SERIES else [*names[: SERIES - 1], OTHERS]
    found: dict[str, dict[date, int]] = {name: {} for name in shown}
    for day, name, count in counts:
        by_day = found[name if name in found else OTHERS]
        by_day[day] = by_day.get(day, 0) + count
    return found
