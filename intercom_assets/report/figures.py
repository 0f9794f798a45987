"""The figures of a period, from the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from duckdb import DuckDBPyConnection

Row = dict[str, Any]


@dataclass(frozen=True)
class Period:
    """Days of the workspace.

    Attributes:
        first: The first of them.
        last: The last of them.
    """

    first: date
    last: date

    @property
    def before(self) -> Period:
        """As many days just before."""
        return Period(
            self.first - (self.last - self.first) - timedelta(1), self.first - timedelta(1)
        )


@dataclass(frozen=True)
class Tile:
    """One number, and what it was in the period before.

    Attributes:
        title: What it is.
        kind: How to write it: count, duration (seconds) or share.
        value: The number; None if there is nothing to count.
        before: The same of the period before.
    """

    title: str
    kind: str
    value: float | None
    before: float | None


@dataclass(frozen=True)
class Figures:
    """What a page shows.

    Attributes:
        period: Of which days.
        tiles: Numbers of the period.
        series: Rows by picture; empty where the model is not there.
    """

    period: Period
    tiles: Sequence[Tile]
    series: Mapping[str, Sequence[Row]]


# title, how it is written, the model that it takes, the query of one value
_TILES = (
    (
        "New conversations",
        "count",
        "conversation_facts",
        "select count(*) from conversation_facts where created_on between $first and $last",
    ),
    (
        "First response, median",
        "duration",
        "response_times",
        "select median(calendar_seconds) from response_times "
        "where is_first_response and replied_on between $first and $last",
    ),
    (
        "Time to close, median",
        "duration",
        "conversation_facts",
        "select median(calendar_seconds_to_first_close) from conversation_facts, "
        "workspace_time_zone as zone "
        "where (first_close_at at time zone zone.time_zone)::date between $first and $last",
    ),
    (
        "Open at the end",
        "count",
        "volume_daily",
        "select sum(open_at_end) from volume_daily where day = "
        "(select max(day) from volume_daily where day <= $last)",
    ),
    (
        "CSAT",
        "share",
        "csat_ratings",
        "select avg(is_positive::int) from csat_ratings where rated_on between $first and $last",
    ),
    (
        "Fin's resolution rate",
        "share",
        "fin_conversations",
        "select avg(is_resolved::int) from fin_conversations "
        "where created_on between $first and $last",
    ),
)
_BUCKET = "date_trunc($bucket, {})::date"
# By picture: the models that it takes, and the query.
_SERIES = {
    "volume": (
        ("volume_daily",),
        f"select {_BUCKET.format('day')} as day, sum(started) as started, sum(closed) as closed "
        "from volume_daily where day between $first and $last group by 1 order by 1",
    ),
    "backlog": (
        ("volume_daily",),
        "select day, sum(open_at_end) as open from volume_daily "
        "where day between $first and $last group by 1 order by 1",
    ),
    "response": (
        ("response_times",),
        f"select {_BUCKET.format('replied_on')} as day, median(calendar_seconds) / 3600 as hours "
        "from response_times where is_first_response and replied_on between $first and $last "
        "group by 1 order by 1",
    ),
    "closing": (
        ("conversation_facts",),
        f"select {_BUCKET.format('created_on')} as day, "
        "median(calendar_seconds_to_first_close) / 3600 as hours from conversation_facts "
        "where created_on between $first and $last and first_close_at is not null "
        "group by 1 order by 1",
    ),
    "csat": (
        ("csat_ratings",),
        f"select {_BUCKET.format('rated_on')} as day, avg(is_positive::int) as share, "
        "count(*) as ratings from csat_ratings "
        "where rated_on between $first and $last group by 1 order by 1",
    ),
    "fin": (
        ("fin_conversations",),
        f"select {_BUCKET.format('created_on')} as day, avg(is_resolved::int) as share, "
        "count(*) as conversations from fin_conversations "
        "where created_on between $first and $last group by 1 order by 1",
    ),
    "teams": (
        ("team_daily",),
        "select coalesce(team_name, team_id, 'No team') as team, sum(replies_sent) as replies, "
        "sum(conversations_closed) as closed from team_daily "
        "where day between $first and $last group by 1 having sum(replies_sent) > 0 "
        "order by 2 desc limit 10",
    ),
    "hours": (
        ("conversation_facts",),
        "select dayofweek(moment) as weekday, hour(moment) as hour, count(*) as conversations "
        "from (select created_at at time zone zone.time_zone as moment "
        "from conversation_facts, workspace_time_zone as zone "
        "where created_on between $first and $last) group by 1, 2",
    ),
    "tags": (
        ("tag_daily",),
        "select max(tag_name) as tag, sum(conversations) as conversations from tag_daily "
        "where day between $first and $last group by tag_id order by 2 desc, 1 limit 10",
    ),
}
# A line of more points than this is a thicket.
_MOST_DAYS = 62


def figures_of(
    connection: DuckDBPyConnection, schema: str, first: date | None, last: date | None
) -> Figures:
    """The figures of a period.

    Args:
        connection: To the warehouse.
        schema: The models' schema.
        first: The first day; default 28 days up to the last.
        last: The last day; default the newest that has a conversation.

    Raises:
        LookupError: When there are no models, or nothing is in them.
    """
    there = _models(connection, schema)
    if "conversation_facts" not in there:
        raise LookupError(
            f"there are no models in {schema}: materialize them first, conversation_facts at least"
        )
    (database,) = connection.execute("select current_database()").fetchone() or ("",)
    connection.execute(f'use "{database}"."{schema}"')
    if last is None:
        (last,) = connection.execute(
            "select max(created_on) from conversation_facts"
        ).fetchone() or (None,)
    if last is None:
        raise LookupError(f"there are no conversations in {schema} yet")
    period = Period(first or last - timedelta(27), last)
    if period.first > period.last:
        raise LookupError(f"{period.first} is after {period.last}: no day is in between")
    return Figures(
        period,
        [
            Tile(title, kind, _one(connection, sql, period), _one(connection, sql, period.before))
            for title, kind, model, sql in _TILES
            if model in there
        ],
        {
            name: _rows(connection, sql, period)
            for name, (needed, sql) in _SERIES.items()
            if there.issuperset(needed)
        },
    )


def _models(connection: DuckDBPyConnection, schema: str) -> set[str]:
    # As `models.there` asks it, of which this wing knows nothing.
    rows = connection.execute(
        "select distinct table_name from duckdb_columns() "
        "where database_name = current_database() and schema_name = $schema",
        {"schema": schema},
    ).fetchall()
    return {name for (name,) in rows}


def _one(connection: DuckDBPyConnection, sql: str, period: Period) -> float | None:
    row = connection.execute(sql, _values(sql, period)).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def _rows(connection: DuckDBPyConnection, sql: str, period: Period) -> list[Row]:
    found = connection.execute(sql, _values(sql, period))
    names = [column[0] for column in found.description or ()]
    return [
        {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in found.fetchall()
    ]


def _values(sql: str, period: Period) -> dict[str, Any]:
    days = (period.last - period.first).days + 1
    bucket = "day" if days <= _MOST_DAYS else "week" if days <= 7 * _MOST_DAYS else "month"
    values = {"first": period.first, "last": period.last, "bucket": bucket}
    return {name: value for name, value in values.items() if f"${name}" in sql}
