"""Models that are brought up to date are what they would be if they were made anew."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest

from intercom_assets.assets import IO_MANAGER_KEY
from intercom_assets.models.building import Builder
from intercom_assets.models.fivetran import make_fivetran_views
from intercom_assets.sandbox import Sandbox
from intercom_assets.warehouse import Warehouse
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.desk import ANN, BEN, DAY, MONDAY, USER, Desk, build, land, warehouse
from intercom_assets_tests.test_models import fill, rows

KINDS = ["comment", "comment", "note", "close", "open", "snoozed", "assignment"]


def something_happens(made: Desk, chance: random.Random, at: int, number: int) -> None:
    """Some conversations change: their state, whom they belong to, and what was said."""
    for record in chance.sample(made.conversations, 8):
        record["updated_at"] = at
        record["state"] = chance.choice(["open", "closed", "snoozed"])
        record["team_assignee_id"] = chance.choice([0, 501, 502])
        for _ in range(chance.randrange(3)):
            made.parts.append(
                {
                    "id": str(900_000 + number * 1000 + len(made.parts)),
                    "conversation_id": record["id"],
                    "part_type": chance.choice(KINDS),
                    "body": chance.choice([None, "words"]),
                    "author": {"type": chance.choice(["user", "admin"]), "id": ANN},
                    "assigned_to": chance.choice([None, {"type": "team", "id": "501"}]),
                    "created_at": at - chance.randrange(20 * DAY),
                    "updated_at": at,
                    "conversation_updated_at": at,
                }
            )


def mark(store: Warehouse, table: str, which: str, is_gone: bool = True) -> None:
    """Marks rows as gone, or as there again, as a run does."""
    when = "now()" if is_gone else "null"
    with store.transaction() as connection:
        place = f"intercom.{table}"
        connection.execute(f"alter table {place} add column if not exists _deleted_at timestamptz")
        connection.execute(f"update {place} set _deleted_at = {when}, _synced_at = now() {which}")


def everything(store: Warehouse) -> dict[str, list[str]]:
    names = [
        name
        for (name,) in rows(
            store,
            "select table_name from information_schema.tables "
            "where table_schema = 'intercom_models' and table_name <> '_models'",
        )
    ]
    return {name: sorted(map(repr, rows(store, f"from {name}"))) for name in names}


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_bringing_up_to_date_gives_what_making_anew_gives(seed: int, tmp_path: Path) -> None:
    made, chance = Desk(), random.Random(seed)
    for number in range(1, 80):
        parts = [
            (second * DAY, chance.choice(KINDS), chance.choice([USER, ANN, BEN]), "words")
            for second in range(chance.randrange(8))
        ]
        made.conversation(str(number), parts, at=MONDAY + chance.randrange(40 * DAY))
    store = warehouse(tmp_path / "changes.duckdb")
    fill(store, made)
    # What is not looked at for a change must have come before the ten minutes of grace.
    with store.transaction() as connection:
        for table in ("conversations", "conversation_parts"):
            connection.execute(f"update intercom.{table} set _synced_at = now() - interval 1 day")
    build(store, full_refresh=True)
    for step in range(2):
        something_happens(made, chance, MONDAY + (50 + step) * DAY, step)
        land(store, "conversations", made.conversations)
        land(store, "conversation_parts", made.parts)
        mark(store, "conversations", f"where id::int % 9 = {step}")
        mark(store, "conversations", f"where id::int % 9 = {step - 1}", is_gone=False)
        mark(store, "conversation_parts", f"where id::int % 7 = {step}")
        build(store)
        found = everything(store)
        build(store, full_refresh=True)
        assert everything(store) == found, step
    assert found["response_times"] and found["volume_daily"]


@pytest.mark.long
@pytest.mark.every_kind
def test_what_intercom_deletes_is_in_no_relation_and_no_model_and_comes_back(
    sandbox: Sandbox, project: Project
) -> None:
    project.relations = True
    both = ("conversations", "conversation_parts")
    project.run(*both)
    store = project.resources()[IO_MANAGER_KEY].warehouse()
    build(store)
    make_fivetran_views(store, "conversations", "fivetran")
    before = everything(store)
    ident = next(c for c, parts in sandbox.workspace.parts.items() if parts)
    sandbox.workspace.delete("conversations", ident)
    project.run("conversations", full_refresh=True)
    build(store)
    for name in ("conversation_facts", "conversation_events", "intercom.conversations_flat"):
        column = "id" if "flat" in name else "conversation_id"
        assert rows(store, f"from {name} where {column} = '{ident}'") == [], name
    started = len(sandbox.workspace.conversations)
    assert rows(store, "select sum(started) from volume_daily") == [(started,)]
    assert project.metadata("conversations_flat")["intercom/rows_gone"] == 1
    gone = "select id from fivetran.conversation_history where _fivetran_deleted"
    assert rows(store, gone) == [(ident,)]
    sandbox.workspace.restore("conversations", ident)
    project.run("conversations", full_refresh=True)
    build(store)
    again = everything(store)
    for name in ("volume_daily", "team_daily", "tag_daily", "contact_facts"):
        assert again.get(name) == before.get(name), name
    assert rows(store, gone) == []


def test_what_a_failed_build_says_is_why_it_failed(tmp_path: Path) -> None:
    store = warehouse(tmp_path / "failed.duckdb")
    land(store, "conversations", [])
    with (
        pytest.raises(duckdb.CatalogException, match="workspace_time_zone"),
        store.more_memory("200MB"),
        store.transaction() as connection,
    ):
        # It reads another model, which is not there.
        Builder(connection, ["conversations"]).build("conversation_facts")
