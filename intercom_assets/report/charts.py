"""Pictures as Vega-Lite, in colours that the page's own style sheet decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import altair as alt

from intercom_assets.report.figures import Figures, Period, Row

Spec = dict[str, Any]
# Custom properties of the page: they are others in the dark, and in print.
INK, FIRST, SECOND = "var(--ink)", "var(--first)", "var(--second)"
DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
HEIGHT = 200


def charts_of(figures: Figures) -> list[tuple[str, str, Spec]]:
    """Title, explanation and picture of each series that has rows."""
    found = []
    for name, title, told, draw in _CHARTS:
        rows = figures.series.get(name)
        if rows:
            chart = draw(rows).properties(width="container", height=HEIGHT)
            found.append((title, told, _over(figures.period, rows, _plain(chart))))
    return found


def _over(period: Period, rows: Sequence[Row], spec: Spec) -> Spec:
    """A picture of days spans the whole period, so that one can be read below another."""
    scale = spec.get("encoding", {}).get("x", {}).get("scale", {})
    if scale.get("type") == "utc":
        # A week or a month may have begun before the period.
        first = min(period.first, date.fromisoformat(rows[0]["day"]))
        scale["domain"] = [
            {"year": day.year, "month": day.month, "date": day.day, "utc": True}
            for day in (first, period.last)
        ]
    return spec


def _plain(chart: Any) -> Spec:
    spec: Spec = (
        # Vega measures texts by the name of their font, of which `inherit` is none.
        chart.configure(background="transparent", font="system-ui, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            titleColor=INK,
            gridColor="var(--line)",
            domainColor="var(--line)",
            tickColor="var(--line)",
            labelFontSize=12,
            title=None,
        )
        .configure_legend(
            labelColor=INK, title=None, orient="top", labelFontSize=12, symbolType="circle"
        )
        .to_dict()
    )
    return spec


# A day is told without a time, which a browser takes for midnight in London.
DAY = alt.Tooltip("day:T", timeUnit="utcyearmonthdate", title="day")


def _time() -> Any:
    return alt.X(
        "day:T",
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format="%-d %b", grid=False, labelOverlap=True),
    )


def _two(rows: Sequence[Row]) -> Any:
    base = alt.Chart(alt.Data(values=list(rows))).transform_fold(
        ["started", "closed"], as_=["what", "count"]
    )
    return base.mark_line(strokeWidth=2).encode(
        x=_time(),
        y=alt.Y("count:Q", axis=alt.Axis(tickMinStep=1)),
        color=alt.Color(
            "what:N", scale=alt.Scale(domain=["started", "closed"], range=[FIRST, SECOND])
        ),
        tooltip=[DAY, "what:N", "count:Q"],
    )


def _line(field: str, form: str = ",.0f", share: bool = False, *more: str) -> Callable[..., Any]:
    def draw(rows: Sequence[Row]) -> Any:
        scale = alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=True)
        return (
            alt.Chart(alt.Data(values=list(rows)))
            .mark_line(strokeWidth=2, color=FIRST, point={"color": FIRST, "size": 25})
            .encode(
                x=_time(),
                y=alt.Y(f"{field}:Q", scale=scale, axis=alt.Axis(format=form)),
                tooltip=[
                    DAY,
                    alt.Tooltip(f"{field}:Q", format=form),
                    *(f"{name}:Q" for name in more),
                ],
            )
        )

    return draw


def _area(rows: Sequence[Row]) -> Any:
    return (
        alt.Chart(alt.Data(values=list(rows)))
        .mark_area(color=FIRST, fillOpacity=0.25, interpolate="step-after", line={"color": FIRST})
        .encode(
            x=_time(),
            y=alt.Y("open:Q", axis=alt.Axis(tickMinStep=1)),
            tooltip=[DAY, "open:Q"],
        )
    )


def _bars(label: str, field: str) -> Callable[..., Any]:
    def draw(rows: Sequence[Row]) -> Any:
        most = max(float(row[field]) for row in rows)
        base = alt.Chart(alt.Data(values=list(rows))).encode(
            y=alt.Y(f"{label}:N", sort="-x", axis=alt.Axis(labelLimit=150, ticks=False)),
            # Room for the number beside the longest bar.
            x=alt.X(f"{field}:Q", axis=None, scale=alt.Scale(domain=[0, most * 1.15])),
            tooltip=[f"{label}:N", f"{field}:Q"],
        )
        text = base.mark_text(align="left", dx=4, color=INK, fontSize=12).encode(
            text=alt.Text(f"{field}:Q", format=",")
        )
        return base.mark_bar(color=FIRST, cornerRadiusEnd=3) + text

    return draw


def _heat(rows: Sequence[Row]) -> Any:
    counts = {(row["weekday"], row["hour"]): row["conversations"] for row in rows}
    values = [
        {"day": DAYS[day], "hour": hour, "conversations": counts.get((day, hour), 0)}
        for day in range(7)
        for hour in range(24)
    ]
    most = max(1, *(value["conversations"] for value in values))
    return (
        alt.Chart(alt.Data(values=values))
        .mark_rect(color=FIRST, cornerRadius=2, stroke="var(--card)", strokeWidth=1)
        .encode(
            x=alt.X("hour:O", axis=alt.Axis(labelAngle=0, labelOverlap=True, domain=False)),
            y=alt.Y("day:N", sort=[*DAYS[1:], DAYS[0]], axis=alt.Axis(domain=False, ticks=False)),
            opacity=alt.Opacity(
                "conversations:Q", scale=alt.Scale(domain=[0, most], range=[0.06, 1]), legend=None
            ),
            tooltip=["day:N", "hour:O", "conversations:Q"],
        )
    )


_CHARTS: tuple[tuple[str, str, str, Callable[..., Any]], ...] = (
    ("volume", "Volume", "Conversations that began, and close events.", _two),
    ("backlog", "Backlog", "Conversations not closed at the end of the day.", _area),
    (
        "response",
        "First response",
        "Median hours, by the calendar, until a teammate first answered.",
        _line("hours", ",.1~f"),
    ),
    (
        "closing",
        "Time to close",
        "Median hours, by the calendar, from the customer's first message to the first closing.",
        _line("hours", ",.1~f"),
    ),
    (
        "csat",
        "CSAT",
        "Share of ratings that are 4 or 5.",
        _line("share", ".0%", True, "ratings"),
    ),
    (
        "fin",
        "Fin",
        "Share of the conversations with Fin that it resolved, by the day on which they began.",
        _line("share", ".0%", True, "conversations"),
    ),
    (
        "teams",
        "Teams",
        "Replies sent in conversations that the team had then.",
        _bars("team", "replies"),
    ),
    ("hours", "Busiest hours", "New conversations by weekday and hour.", _heat),
    ("tags", "Tags", "Conversations that got the tag.", _bars("tag", "conversations")),
)
