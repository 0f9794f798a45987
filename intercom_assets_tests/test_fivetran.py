"""Views of Fivetran's names and columns."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from intercom_assets.models.fivetran import make_fivetran_views, views
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets.warehouse import Warehouse
from intercom_assets_tests.conftest import client_of
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


@pytest.mark.long
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


@pytest.mark.long
def test_what_is_gone_says_so(database: Path) -> None:
    store = warehouse(database)
    make(store)
    with store.transaction() as connection:
        table = f'"{database.stem}".intercom.contacts'
        connection.execute(f"alter table {table} add column if not exists _deleted_at timestamptz")
        connection.execute(f"update {table} set _deleted_at = now()")
    with duckdb.connect(str(database)) as connection:
        found = connection.execute(
            "select id, _fivetran_deleted, _fivetran_active, _fivetran_end <= now() "
            f'from "{database.stem}".fivetran.contact_history'
        ).fetchall()
        others = connection.execute(
            "select distinct _fivetran_deleted, _fivetran_active, year(_fivetran_end) "
            f'from "{database.stem}".fivetran.conversation_history'
        ).fetchall()
    assert found == [(USER, True, False, True)]
    assert others == [(False, True, 9999)]


# The columns that version 1.6.1 of Fivetran's dbt package for Intercom reads, and as what.
READ = {
    "admin": "id:text name:text job_title:text _fivetran_deleted:boolean",
    "team": "id:text name:text _fivetran_deleted:boolean",
    "team_admin": "team_id:text admin_id:text _fivetran_deleted:boolean",
    "tag": "id:text name:text _fivetran_deleted:boolean",
    "contact_history": "id:text admin_id:text created_at:timestamp updated_at:timestamp "
    "signed_up_at:timestamp name:text role:text email:text last_replied_at:timestamp "
    "last_email_clicked_at:timestamp last_email_opened_at:timestamp last_contacted_at:timestamp "
    "unsubscribed_from_emails:boolean",
    "contact_company_history": "company_id:text contact_id:text contact_updated_at:timestamp",
    "contact_tag_history": "contact_id:text contact_updated_at:timestamp tag_id:text",
    "company_history": "id:text company_id:text name:text website:text industry:text "
    "created_at:timestamp updated_at:timestamp user_count:bigint session_count:bigint "
    "monthly_spend:double plan_id:text plan_name:text",
    "company_tag_history": "company_id:text company_updated_at:timestamp tag_id:text",
    "conversation_history": "id:text created_at:timestamp updated_at:timestamp assignee_id:text "
    "assignee_type:text conversation_rating_value:bigint conversation_rating_remark:text "
    "first_contact_reply_created_at:timestamp first_contact_reply_type:text read:boolean "
    "source_author_id:text source_author_type:text source_delivered_as:text source_type:text "
    "source_subject:text state:text waiting_since:timestamp snoozed_until:timestamp "
    "sla_name:text sla_status:text",
    "conversation_contact_history": "contact_id:text conversation_id:text "
    "conversation_updated_at:timestamp",
    "conversation_tag_history": "conversation_id:text conversation_updated_at:timestamp "
    "tag_id:text",
    "conversation_part_history": "id:text part_type:text body:text conversation_id:text "
    "author_id:text author_type:text created_at:timestamp assigned_to_id:text "
    "assigned_to_type:text conversation_updated_at:timestamp updated_at:timestamp",
    "article_history": "id:text collection_id:text section_id:text author_id:text title:text "
    "description:text body:text url:text type:text state:text parent_type:text "
    "default_locale:text workspace_id:text statistics_type:text statistics_views:bigint "
    "statistics_conversations:bigint statistics_reactions:bigint "
    "statistics_happy_reaction_percentage:double statistics_neutral_reaction_percentage:double "
    "statistics_sad_reaction_percentage:double created_at:timestamp updated_at:timestamp",
    "collection_history": "id:text help_center_id:text parent_id:text name:text "
    "description:text url:text icon:text type:text default_locale:text workspace_id:text "
    "order:bigint created_at:timestamp updated_at:timestamp",
    "help_center_history": "id:text display_name:text identifier:text workspace_id:text "
    "website_turned_on:boolean created_at:timestamp updated_at:timestamp",
}
# Sections are of the past; statistics of an article are not in the list of all.
SELDOM = re.compile("section_id|statistics_.*")
HISTORY = "_fivetran_active:boolean _fivetran_start:timestamp _fivetran_end:timestamp "


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """All views, over what a sandbox serves."""
    store = warehouse(tmp_path_factory.mktemp("fivetran") / "all.duckdb")
    with Sandbox(contacts=60, companies=12, conversations=60) as sandbox:
        client = client_of(sandbox)
        for table in sorted({facts["of"] for facts in views().values()}):
            land(store, table, STREAMS[table](client).get_records())
            make_fivetran_views(store, table, "fivetran")
    return store


@pytest.mark.long
@pytest.mark.parametrize("name", READ)
def test_a_view_has_what_fivetrans_package_reads(name: str, everything: Warehouse) -> None:
    history = HISTORY if name.endswith("_history") else ""
    wanted = dict(column.split(":") for column in f"{history}{READ[name]}".split())
    # What a package wants, as its staging models ask for it.
    casts = ", ".join(f'cast("{column}" as {kind})' for column, kind in wanted.items())
    with everything.connection() as connection:
        rows = connection.execute(f'select {casts} from "all".fivetran.{name}').fetchall()
    assert rows
    empty = {
        column
        for place, column in enumerate(wanted)
        if all(row[place] is None for row in rows) and not SELDOM.fullmatch(column)
    }
    assert not empty


def test_the_package_reads_no_view_that_is_not_there() -> None:
    assert READ.keys() == views().keys()
