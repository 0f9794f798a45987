"""Models: the numbers of a desk made by hand, and what holds of any."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from intercom_assets.models.building import Builder
from intercom_assets.models.package import (
    WITHOUT,
    Place,
    models,
    models_over,
    sources,
    template_of,
)
from intercom_assets.models.relations import relations_over
from intercom_assets.streams import STREAMS
from intercom_assets.warehouse import Warehouse
from intercom_assets_tests.desk import (
    ANN,
    BEN,
    CARE,
    DAY,
    MONDAY,
    SALES,
    USER,
    Desk,
    build,
    desk,
    land,
    warehouse,
)

TEAMS = [{"id": SALES, "name": "Sales", "admin_ids": [101]}, {"id": CARE, "name": "Care"}]
ADMINS = [{"id": ANN, "name": "Ann", "team_ids": [501, 502]}, {"id": BEN, "name": "Ben"}]
WORKSPACE = [{"id_code": "desk", "timezone": "London"}]
CONTACTS = [{"id": USER, "role": "user", "created_at": MONDAY - DAY, "updated_at": MONDAY}]


def fill(store: Warehouse, made: Desk, runs: int = 1) -> None:
    """Lands a desk in so many runs, and builds the models after each."""
    for stream, records in (("teams", TEAMS), ("admins", ADMINS), ("contacts", CONTACTS)):
        land(store, stream, records)
    land(store, "workspace", WORKSPACE)
    for run in range(runs):
        land(store, "conversations", made.conversations[run::runs])
        ids = {record["id"] for record in made.conversations[run::runs]}
        land(store, "conversation_parts", [p for p in made.parts if p["conversation_id"] in ids])
        build(store)


def rows(store: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    def ask(connection: Any) -> list[tuple[Any, ...]]:
        connection.execute("use intercom_models")
        found: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
        return found

    return store.ask(ask)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The desk with its models, to be looked at only."""
    made = warehouse(tmp_path_factory.mktemp("desk") / "desk.duckdb")
    fill(made, desk())
    return made


@pytest.mark.long
def test_the_tests_of_the_package_hold(store: Warehouse) -> None:
    tables = [*STREAMS, *(relation.name for relation in relations_over(STREAMS))]
    with store.connection() as connection:
        builder = Builder(connection, tables)
        for (name,) in connection.execute(
            "select table_name from information_schema.tables "
            "where table_schema = 'intercom_models' and table_name <> '_models'"
        ).fetchall():
            found = {test.name: builder.failures(name, test) for test in models()[name].tests}
            # Of the desk's parts Intercom tells no numbers but where they matter.
            assert {test: count for test, count in found.items() if count} == {}
            described = connection.execute(f"describe intercom_models.{name}").fetchall()
            documented = [(column.name, column.kind) for column in models()[name].columns]
            assert [(column, kind.lower()) for column, kind, *_ in described] == documented
            comments = connection.execute(
                "select column_name, comment from duckdb_columns() where table_name = $name",
                {"name": name},
            ).fetchall()
            assert dict(comments) == {
                each.name: each.description for each in models()[name].columns
            }


def test_responses_are_those_that_end_a_wait(store: Warehouse) -> None:
    found = rows(
        store,
        "select conversation_id, calendar_seconds, admin_id, team_id from response_times "
        "order by conversation_id::int, response_number",
    )
    assert found == [
        ("1", 600, ANN, None),
        ("3", 900, ANN, None),
        ("4", 60, BEN, None),
        ("5", 100, ANN, None),
        ("5", 50, ANN, None),
        ("6", 2 * DAY + 40, BEN, None),
        ("7", 30, ANN, SALES),
        ("7", 20, BEN, CARE),
        ("8", 300, ANN, None),
        ("9", 70, ANN, None),
        ("11", 60, ANN, None),
    ]


def test_office_hours_and_the_calendar_are_never_mixed(store: Warehouse) -> None:
    found = rows(
        store,
        "select conversation_id, office_seconds_to_first_reply, calendar_seconds_to_first_reply, "
        "calendar_seconds_to_first_close from conversation_facts "
        "where conversation_id in ('1', '9', '10') order by conversation_id::int",
    )
    # The customer of the first wrote once; the ninth was begun by a teammate.
    assert found == [("1", 300, 600, 3600), ("9", None, 70, None), ("10", None, None, None)]


def test_a_conversation_that_fin_resolves_alone_is_there_and_one_taken_back_is_not_resolved(
    store: Warehouse,
) -> None:
    found = rows(
        store,
        "select conversation_id, is_answered, is_resolved, is_taken_back, is_handed_over, "
        "teammate_replies, rating from fin_conversations order by 1",
    )
    assert found == [
        ("2", True, True, False, False, 0, None),
        ("6", True, False, True, True, 1, 2),
    ]
    assert rows(store, "select contact_id from conversation_facts where conversation_id = '2'") == [
        (USER,)
    ]


def test_close_events_first_closings_and_reopenings_are_told_apart(store: Warehouse) -> None:
    totals = rows(
        store,
        "select sum(started), sum(closed), sum(newly_closed), sum(reopened), sum(first_replied) "
        "from volume_daily",
    )
    # Of 1, 2, 3, 4, 5 twice, 6 and 11; 5 and 6 came back; 1, 3, 4, 5, 6, 7, 8, 9 (which a
    # teammate began) and 11 have a visible message of a teammate.
    assert totals == [(12, 8, 7, 2, 9)]
    by_state = rows(store, "select count(*) from conversation_facts where state <> 'closed'")
    last = rows(
        store,
        "select sum(open_at_end) from volume_daily where day = (select max(day) from volume_daily)",
    )
    assert last == by_state == [(6,)]


def test_what_a_teammate_did_counts_whoever_has_the_conversation_now(store: Warehouse) -> None:
    found = rows(
        store,
        "select admin_name, sum(replies_sent), sum(conversations_closed), sum(responses), "
        "sum(ratings), sum(positive_ratings) from teammate_daily group by 1 order by 1",
    )
    # Ann: 1, 3, 5 twice, 7, 8 twice, 9 twice, 11. Her one rating counts once, although she is in
    # two teams. Ben: 4, 6, 7.
    assert found == [("Ann", 10, 5, 8, 1, 1), ("Ben", 3, 1, 3, 0, 0)]


def test_a_reply_counts_for_the_team_of_then(store: Warehouse) -> None:
    found = rows(
        store,
        "select team_name, sum(replies_sent), sum(assignments), "
        "max(first_response_calendar_seconds_median) from team_daily "
        "where team_id is not null group by 1 order by 1",
    )
    assert found == [("Care", 1, 1, None), ("Sales", 1, 1, 30.0)]


def test_ratings_and_slas(store: Warehouse) -> None:
    assert rows(
        store,
        "select conversation_id, rating, is_positive, teammate_id, epoch(rated_at)::bigint "
        "from csat_ratings order by conversation_id::int",
    ) == [("11", 5, True, ANN, MONDAY + 200), ("12", None, None, None, None)]
    assert rows(store, "select conversation_id, is_missed from sla_facts") == [("11", True)]


def test_medians_are_those_of_single_responses(store: Warehouse) -> None:
    single: dict[Any, list[int]] = {}
    for day, admin, seconds in rows(
        store, "select replied_on, admin_id, calendar_seconds from response_times"
    ):
        single.setdefault((day, admin), []).append(seconds)
    found = rows(
        store,
        "select day, admin_id, response_calendar_seconds_median from teammate_daily "
        "where responses > 0",
    )
    assert {(day, admin): value for day, admin, value in found} == {
        key: median(values) for key, values in single.items()
    }


@pytest.mark.long
@pytest.mark.parametrize(
    "zone, days",
    [
        ("Pacific/Auckland", {"2024-03-04": 11, "2024-03-05": 1}),  # 13 hours ahead
        ("American Samoa", {"2024-03-03": 11, "2024-03-04": 1}),  # 11 hours behind
        ("London", {"2024-03-04": 12}),
        ("Nowhere at all", {"2024-03-04": 12}),  # UTC
    ],
)
def test_days_begin_in_the_workspaces_time_zone(
    zone: str, days: dict[str, int], tmp_path: Path
) -> None:
    made = warehouse(tmp_path / "zone.duckdb")
    fill(made, desk())
    build(made, zone)  # what was built for another zone is not kept
    found = rows(
        made,
        "select day::varchar, sum(started) from volume_daily group by 1 having sum(started) > 0",
    )
    assert {day: int(count) for day, count in found} == days
    of_events = rows(
        made,
        "select occurred_on::varchar, count(*) from conversation_events "
        "where event_type = 'opening' group by 1",
    )
    assert dict(of_events) == days


def everything(store: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all models."""
    names = rows(
        store,
        "select table_name from information_schema.tables "
        "where table_schema = 'intercom_models' and table_name <> '_models'",
    )
    # When a row came here is what the runs differ in.
    without = "* exclude (synced_at)"
    kept = dict.fromkeys(("conversation_facts", "conversation_events", "response_times"), without)
    return {
        name: sorted(rows(store, f"select {kept.get(name, '*')} from {name}"), key=repr)
        for (name,) in names
    }


@pytest.mark.long
@pytest.mark.parametrize("runs", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_numbers_are_the_same_whether_the_data_came_in_one_run_or_in_twenty(
    runs: int, store: Warehouse, tmp_path: Path
) -> None:
    other = warehouse(tmp_path / "twenty.duckdb")
    made = desk()
    # First as it was before anything happened, then one conversation after the other.
    young = [{**record, "updated_at": record["created_at"]} for record in made.conversations]
    land(other, "conversations", young)
    fill(other, made, runs)
    assert everything(other) == everything(store)


@pytest.mark.long
def test_what_is_gone_is_in_no_model_any_more(tmp_path: Path) -> None:
    made = warehouse(tmp_path / "gone.duckdb")
    fill(made, desk())
    with made.transaction() as connection:
        connection.execute(
            "alter table intercom.conversations add column if not exists _deleted_at timestamptz"
        )
        connection.execute(
            "update intercom.conversations set _deleted_at = now(), _synced_at = now() "
            "where id = '5'"
        )
        connection.execute("delete from intercom.conversations where id = '8'")
    build(made)
    for name in ("conversation_facts", "conversation_events", "response_times"):
        gone = rows(made, f"select count(*) from {name} where conversation_id in ('5', '8')")
        assert gone == [(0,)], name
    assert rows(made, "select sum(started) from volume_daily") == [(10,)]
    kept = everything(made)
    build(made, full_refresh=True)
    assert everything(made) == kept


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_sums_of_days_are_totals_whatever_happens(seed: int, tmp_path: Path) -> None:
    made, chance = Desk(), random.Random(seed)
    kinds = ["comment", "comment", "note", "close", "open", "snoozed", "assignment"]
    for number in range(1, 60):
        second, parts = 0, []
        for _ in range(chance.randrange(12)):
            second += chance.randrange(1, DAY)
            who = chance.choice([USER, ANN, BEN, "fin", "bot"])
            text = chance.choice([None, "words"])
            parts.append((second, chance.choice(kinds), who, text))
        made.conversation(
            str(number),
            parts,
            at=MONDAY + chance.randrange(40 * DAY),
            state=chance.choice(["open", "closed", "snoozed"]),
            team_assignee_id=chance.choice([0, 501, 502]),
        )
    store = warehouse(tmp_path / "chance.duckdb")
    fill(store, made)
    one: Callable[[str], Any] = lambda sql: rows(store, sql)[0][0]  # noqa: E731
    assert one("select sum(started) from volume_daily") == 59
    assert one("select sum(closed) from volume_daily") == sum(
        part["part_type"] == "close" for part in made.parts
    )
    still_open = sum(record["state"] != "closed" for record in made.conversations)
    last = "(select max(day) from volume_daily)"
    assert one(f"select sum(open_at_end) from volume_daily where day = {last}") == still_open
    replies = one("select count(*) from conversation_events where is_teammate_reply")
    assert one("select sum(replies_sent) from team_daily") == replies
    assert one("select sum(replies_sent) from teammate_daily") == replies
    assert one("select count(*) - count(distinct conversation_id) from conversation_facts") == 0


@pytest.mark.parametrize("missing", sources())
def test_a_model_whose_tables_are_missing_is_left_out_here_and_by_dbt(missing: str) -> None:
    there = [name for name in sources() if name != missing]
    possible = models_over(there)
    place = Place(variables={WITHOUT: [missing]})
    enabled = {
        name: place.render(template_of(name)).config.get("enabled", True) for name in models()
    }
    if missing in STREAMS and missing != "conversations":
        assert possible.keys() == {name for name, is_on in enabled.items() if is_on}
    assert all(set(each.sources) <= set(there) for each in possible.values())
