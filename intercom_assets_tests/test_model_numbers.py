"""Models around conversations: tickets, articles, contacts, companies, tags, topics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from intercom_assets.models.building import Builder
from intercom_assets.models.package import models
from intercom_assets.warehouse import Warehouse
from intercom_assets_tests.desk import (
    ANN,
    DAY,
    HOUR,
    MONDAY,
    USER,
    author,
    build,
    land,
    warehouse,
)
from intercom_assets_tests.desk_around import FEBRUARY, around, fill
from intercom_assets_tests.test_models import everything, rows


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """What is around the desk with its models, to be looked at only."""
    made = warehouse(tmp_path_factory.mktemp("around") / "around.duckdb")
    fill(made, around())
    return made


@pytest.mark.long
def test_a_tickets_time_is_told_by_state(store: Warehouse) -> None:
    found = rows(
        store,
        "select ticket_id, state, calendar_seconds_to_first_resolution, times_resolved, "
        "calendar_seconds_submitted, calendar_seconds_in_progress, "
        "calendar_seconds_waiting_on_customer, contact_id from ticket_facts order by 1",
    )
    assert found == [
        ("1", "resolved", 7 * HOUR, 1, HOUR, 3 * HOUR, 3 * HOUR, USER),
        ("2", "resolved", HOUR, 2, HOUR, HOUR, 0, USER),
        ("3", "submitted", None, 0, 0, 0, 0, USER),
        ("4", "waiting_on_customer", None, 0, 60, 0, 0, USER),
        ("5", "in_progress", None, 0, 0, 0, 0, USER),
    ]


def test_a_tickets_stays_follow_one_another(store: Warehouse) -> None:
    found = rows(
        store,
        "select ticket_id, stay_number, state, calendar_seconds from ticket_state_times "
        "where ticket_id in ('2', '3', '4', '5') order by 1, 2",
    )
    assert found == [
        ("2", 1, "submitted", HOUR),
        ("2", 2, "resolved", DAY - HOUR),
        ("2", 3, "in_progress", HOUR),
        ("2", 4, "resolved", None),
        ("3", 1, "submitted", None),
        ("4", 1, "submitted", 60),
        ("4", 2, "in_progress", 0),
        ("4", 3, "waiting_on_customer", None),
        ("5", 1, "in_progress", None),
    ]
    gaps = rows(
        store,
        "select count(*) from (select left_at, lead(entered_at) over (partition by ticket_id "
        "order by stay_number) as next from ticket_state_times) "
        "where left_at is distinct from next",
    )
    assert gaps == [(0,)]


def test_an_articles_numbers_are_intercoms_and_fins(store: Warehouse) -> None:
    found = rows(
        store,
        "select article_id, state, author_id, views, conversions, reactions, "
        "happy_reaction_percentage, fin_conversations, fin_conversations_resolved "
        "from article_facts order by 1",
    )
    # A preview is no conversation, and a snippet no article, whatever its id.
    assert found == [
        ("11", "published", None, None, None, None, None, 2, 1),
        ("12", "draft", "102", 70, 7, 10, 40.0, 0, 0),
    ]


def test_fins_content_is_of_conversations_in_which_it_took_part(store: Warehouse) -> None:
    found = rows(
        store,
        "select conversation_id, position, content_type, is_resolved, created_on::varchar "
        "from fin_content order by 1, 2",
    )
    assert found == [
        ("1", 1, "article", True, "2024-02-13"),
        ("1", 2, "content_snippet", True, "2024-02-13"),
        ("3", 1, "article", False, "2024-02-13"),
    ]


def test_a_contacts_conversations_are_those_it_leads(store: Warehouse) -> None:
    found = rows(
        store,
        "select contact_id, role, cohort_month::varchar, conversations, open_conversations, "
        "ratings, positive_ratings, epoch(first_conversation_at)::bigint, "
        "epoch(last_conversation_at)::bigint from contact_facts order by 1",
    )
    late = MONDAY + 14 * HOUR
    assert found == [
        (USER, "user", "2024-01-01", 2, 1, 1, 1, FEBRUARY, FEBRUARY + 6 * DAY),
        ("c2", "user", "2024-02-01", 2, 0, 1, 0, FEBRUARY, FEBRUARY + 20 * DAY),
        ("c3", "lead", "2024-02-01", 0, 0, 0, 0, None, None),
        # The sixth is of two; it counts for the first of them.
        ("c4", "lead", "2024-02-01", 3, 0, 0, 0, MONDAY, late),
    ]


def test_cohorts_are_of_the_month_in_which_contacts_came(store: Warehouse) -> None:
    found = rows(
        store,
        "select cohort_month::varchar, contacts, users, leads, contacts_with_conversation, "
        "conversations, returned_within_7_days, returned_within_30_days from contact_cohorts "
        "order by 1",
    )
    # c1; then c2, c3, c4, of whom c2 came back within 30 days and c4 on the same day.
    assert found == [("2024-01-01", 1, 1, 0, 1, 2, 1, 1), ("2024-02-01", 3, 1, 2, 2, 5, 1, 2)]


def test_a_companys_conversations_are_those_that_name_it(store: Warehouse) -> None:
    found = rows(
        store,
        "select company_id, name, plan, monthly_spend, conversations, open_conversations, ratings, "
        "positive_ratings from company_facts order by 1",
    )
    # Nobody's company is asked: c2 talks for two.
    assert found == [
        ("co1", "Acme", "Pro", 12.5, 2, 1, 1, 1),
        ("co2", "Globex", "Pro", 12.5, 1, 0, 1, 0),
        ("co3", "Initech", "Pro", 12.5, 0, 0, 0, 0),
    ]


@pytest.mark.long
def test_a_tag_counts_on_the_day_on_which_it_was_applied(store: Warehouse) -> None:
    found = rows(
        store, "select day::varchar, tag_id, tag_name, conversations from tag_daily order by 1, 2"
    )
    assert found == [
        ("2024-03-04", "7", "vip", 2),  # 6 and 7; one of the names it had
        ("2024-03-04", "8", "Bug", 1),
        ("2024-03-05", "7", "VIP", 1),
    ]


def test_a_topic_counts_on_the_day_on_which_the_conversation_began(store: Warehouse) -> None:
    found = rows(
        store,
        "select day::varchar, topic_id, topic_name, conversations from topic_daily order by 2",
    )
    assert found == [("2024-03-04", "90", "Refunds", 2), ("2024-03-04", "91", "Parcels", 1)]


def test_sums_are_totals_and_nobody_is_there_twice(store: Warehouse) -> None:
    def one(sql: str) -> Any:
        return rows(store, sql)[0][0]

    assert one("select sum(conversations) from contact_facts") == one(
        "select count(*) from conversation_facts"
    )
    assert one("select sum(conversations) from contact_cohorts") == 7
    assert one("select sum(contacts) from contact_cohorts") == 4
    assert one("select sum(conversations) from company_facts") == one(
        "select count(company_id) from conversation_facts"
    )
    assert one("select sum(conversations) from tag_daily") == one(
        "select count(*) from intercom.conversation_tags"
    )
    assert one("select sum(times_resolved) from ticket_facts") == one(
        "select count(*) from ticket_state_times where state = 'resolved'"
    )
    with store.connection() as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "select table_name from information_schema.tables where table_schema = 'intercom'"
            ).fetchall()
        ]
        builder = Builder(connection, tables)
        built = [name for (name,) in rows(store, "select name from _models")]
        found = {
            test.name: builder.failures(name, test)
            for name in built
            for test in models()[name].tests
        }
    assert len(built) == len(models()) and found
    assert {name: count for name, count in found.items() if count} == {}


@pytest.mark.long
@pytest.mark.parametrize(
    "zone, month, day_of_seventh, day_of_tag",
    [
        # 13 hours ahead: January's last evening is February, Monday's 23:00 is Tuesday.
        ("Pacific/Auckland", "2024-02-01", "2024-03-05", "2024-03-04"),
        # 11 hours behind: the tag of 9 o'clock on Monday was applied on Sunday.
        ("American Samoa", "2024-01-01", "2024-03-04", "2024-03-03"),
    ],
)
def test_days_and_months_are_the_workspaces(
    zone: str, month: str, day_of_seventh: str, day_of_tag: str, tmp_path: Path
) -> None:
    made = warehouse(tmp_path / "zone.duckdb")
    fill(made, around(), time_zone=zone)
    cohort = f"select cohort_month::varchar from contact_facts where contact_id = '{USER}'"
    assert rows(made, cohort) == [(month,)]
    seventh = "select created_on::varchar from conversation_facts where conversation_id = '7'"
    assert rows(made, seventh) == [(day_of_seventh,)]
    assert rows(made, "select min(day)::varchar from tag_daily") == [(day_of_tag,)]
    if zone == "Pacific/Auckland":
        days = rows(
            made,
            "select day::varchar, conversations from topic_daily where topic_id = '90' order by 1",
        )
        assert days == [("2024-03-04", 1), ("2024-03-05", 1)]


@pytest.mark.long
@pytest.mark.parametrize("runs", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_numbers_are_the_same_whether_the_data_came_in_one_run_or_in_twenty(
    runs: int, store: Warehouse, tmp_path: Path
) -> None:
    other = warehouse(tmp_path / "many.duckdb")
    fill(other, around(), runs)
    assert everything(other) == everything(store)


@pytest.mark.long
def test_what_is_gone_counts_nowhere(tmp_path: Path) -> None:
    made = warehouse(tmp_path / "gone.duckdb")
    parts = around()
    fill(made, parts)
    gone = {
        "tickets": "1",
        "articles": "12",
        "companies": "co1",
        "contacts": "c3",
        "conversations": "5",
    }
    for table, id in gone.items():
        land(made, table, [])
        with made.transaction() as connection:
            connection.execute(
                f"alter table intercom.{table} add column if not exists _deleted_at timestamptz"
            )
            connection.execute(
                f"update intercom.{table} set _deleted_at = now(), _synced_at = now() "
                f"where id = '{id}'"
            )
    build(made)
    for model, key, id in (
        ("ticket_facts", "ticket_id", "1"),
        ("ticket_state_times", "ticket_id", "1"),
        ("article_facts", "article_id", "12"),
        ("company_facts", "company_id", "co1"),
        ("contact_facts", "contact_id", "c3"),
    ):
        assert rows(made, f"select count(*) from {model} where {key} = '{id}'") == [(0,)], model
        assert rows(made, f"select count(*) > 0 from {model}") == [(True,)]
    # The fifth was the only one that got its tag on Tuesday.
    assert rows(made, "select max(day)::varchar from tag_daily") == [("2024-03-04",)]
    assert rows(made, "select sum(contacts), sum(conversations) from contact_cohorts") == [(3, 6)]


@pytest.mark.long
def test_who_was_merged_talks_on_as_the_other_and_who_left_keeps_a_name(tmp_path: Path) -> None:
    made = warehouse(tmp_path / "merged.duckdb")
    fill(made, around())
    land(made, "admins", [{"id": ANN, "name": "Ann"}])
    reply = {"id": "1", "conversation_id": "1", "part_type": "comment", "body": "Hi"}
    reply |= {"author": author(ANN), "created_at": FEBRUARY + HOUR, "updated_at": FEBRUARY + HOUR}
    land(made, "conversation_parts", [reply])
    with made.transaction() as connection:
        for table in ("contacts", "admins"):
            for column, kind in (("_deleted_at", "timestamptz"), ("_merged_into", "varchar")):
                connection.execute(
                    f"alter table intercom.{table} add column if not exists {column} {kind}"
                )
        # c2 into c4, and then c4 into c1.
        for id, into in (("c2", "c4"), ("c4", USER)):
            connection.execute(
                "update intercom.contacts set _merged_into = $into, _deleted_at = now() "
                "where id = $id",
                {"id": id, "into": into},
            )
        connection.execute("update intercom.admins set _deleted_at = now()")
    build(made)
    told = "select contact_id, conversations, ratings from contact_facts order by 1"
    assert rows(made, told) == [(USER, 7, 2), ("c3", 0, 0)]
    # Its first two began at the same time, c1's and c2's.
    cohorts = "select contacts, conversations, returned_within_7_days from contact_cohorts"
    assert sorted(rows(made, cohorts)) == [(1, 0, 0), (1, 7, 1)]
    assert rows(made, "select distinct admin_name from teammate_daily") == [("Ann",)]
