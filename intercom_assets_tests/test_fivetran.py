"""Views of Fivetran's names and columns."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from intercom_assets.models.fivetran import make_fivetran_views, views
from intercom_assets.streams import STREAMS
from intercom_assets.warehouse import Warehouse
from intercom_assets_tests.desk import ANN, CARE, MONDAY, USER, desk, land, warehouse


@pytest.fixture(params=["desk.duckdb", "intercom.duckdb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database with a desk; one that is called like its schema is a trap."""
    path = tmp_path / str(request.param)
    store = warehouse(path)
    made = desk()
    made.conversations[0]["tags"]["tags"] = [{"id": "7", "name": "VIP"}]
    land(store, "conversations", made.conversations)
    land(store, "conversation_parts", made.parts)
    land(store, "contacts", [{"id": USER, "email": "a@example.com", "updated_at": MONDAY}])
    land(store, "teams", [{"id": CARE, "name": "Care", "admin_ids": [int(ANN)]}])
    return path


def make(store: Warehouse) -> list[str]:
    tables = ("conversations", "conversation_parts", "contacts", "teams")
    return [name for table in tables for name in make_fivetran_views(store, table, "fivetran")]


def test_rows_are_ours_in_fivetrans_shape(database: Path) -> None:
    store = warehouse(database)
    assert set(make(store)) == {
        name
        for name, facts in views().items()
        if facts["of"] in ("conversations", "conversation_parts", "contacts", "teams")
    }
    assert make(store) == []  # nothing would be another

    def rows(sql: str) -> list[tuple[object, ...]]:
        return store.ask(lambda connection: connection.execute(sql).fetchall())

    shown = "select id, assignee_id, assignee_type, source_author_type, _fivetran_deleted"
    path = f'"{database.stem}".fivetran'
    assert rows(f"{shown} from {path}.conversation_history where id = '7'") == [
        ("7", CARE, "team", "user", False)
    ]
    assert rows(f"select conversation_id, tag_id from {path}.conversation_tag_history") == [
        ("1", "7")
    ]
    assert rows(f"select team_id, admin_id from {path}.team_admin") == [(CARE, ANN)]
    assert rows(f"select count(*) from {path}.conversation_part_history") == [(len(desk().parts),)]


def test_what_is_gone_says_so(database: Path) -> None:
    store = warehouse(database)
    make(store)
    with store.transaction() as connection:
        table = f'"{database.stem}".intercom.contacts'
        connection.execute(f"alter table {table} add column if not exists _deleted_at timestamptz")
        connection.execute(f"update {table} set _deleted_at = now()")
    with duckdb.connect(str(database)) as connection:
        found = connection.execute(
            f'select id, _fivetran_deleted from "{database.stem}".fivetran.contact_history'
        ).fetchall()
    assert found == [(USER, True)]


def test_every_view_is_of_a_table_of_ours_and_binds(tmp_path: Path) -> None:
    store = warehouse(tmp_path / "all.duckdb")
    for table in sorted({facts["of"] for facts in views().values()}):
        assert table in STREAMS
        land(store, table, [])
        make_fivetran_views(store, table, "fivetran")
    with store.connection() as connection:
        for name in views():
            connection.execute(f'from "all".fivetran.{name}').fetchall()
