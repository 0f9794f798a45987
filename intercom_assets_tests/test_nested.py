"""Streams that stand inside another stream's records: one read, one transaction, two tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import dagster as dg
import duckdb
import pytest

from intercom_assets.assets import build_intercom_assets
from intercom_assets.client import IntercomClient
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.singer import tap
from intercom_assets.singer.catalog import select
from intercom_assets.streams import STREAMS, Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing
from intercom_assets.warehouse.berth import Berth
from intercom_assets.warehouse.errors import DatabaseUnavailable, EmptySource
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets_tests.conftest import Project, client_of
from intercom_assets_tests.singer_output import Target
from intercom_assets_tests.warehouses import Database, opened, warehouse_of

pytestmark = pytest.mark.every_kind

PAIR = ("ticket_types", "ticket_type_attributes")
SCHEMA = {
    "properties": {
        "id": {"type": ["null", "string"]},
        "name": {"type": ["null", "string"]},
    }
}
SPEC = TableSpec(key=("id",), schema=SCHEMA, replace=False)
UP_TO_9, UP_TO_20 = (SyncState().with_complete(0, end) for end in (9, 20))


def test_both_tables_come_from_one_call(sandbox: Sandbox, project: Project) -> None:
    project.run("ticket_types")
    assert sandbox.count("/ticket_types") == 1
    assert project.differences(*PAIR) == {}
    told = {name: project.metadata(name) for name in PAIR}
    assert all(told[name]["dagster/row_count"] > 0 for name in PAIR)
    # The other one of two is that for the workspace.
    assert [told[name]["intercom/calls"] for name in PAIR] == [2, 0]
    columns = {row[0] for row in project.query("describe intercom.ticket_types")}
    assert "ticket_type_attributes" not in columns


@pytest.mark.parametrize("selected", PAIR)
def test_whichever_is_selected_both_are_stored_and_told(
    sandbox: Sandbox, project: Project, selected: str
) -> None:
    result = dg.materialize(
        build_intercom_assets(["ticket_types"]),
        selection=[selected],
        instance=project.instance,
        resources=project.resources(),
    )
    assert result.success
    assert project.differences(*PAIR) == {}
    assert all(project.metadata(name)["intercom/records"] for name in PAIR)


@pytest.mark.long
def test_a_change_of_either_kind_arrives(sandbox: Sandbox, project: Project) -> None:
    project.run("ticket_types")
    id, kind = next(iter(sandbox.workspace.ticket_types.items()))
    held = kind["ticket_type_attributes"]
    items = [{**held["data"][0], "name": "another name"}, *held["data"][2:]]
    sandbox.workspace.update("ticket_types", id, ticket_type_attributes={**held, "data": items})
    project.run("ticket_types")
    assert project.differences(*PAIR) == {}
    assert project.metadata("ticket_type_attributes")["intercom/deleted"] == 1


def test_a_record_without_its_list_keeps_what_it_has_and_is_counted(
    sandbox: Sandbox, project: Project
) -> None:
    id = next(iter(sandbox.workspace.ticket_types))
    sandbox.workspace.update("ticket_types", id, ticket_type_attributes=None)
    project.run("ticket_types")
    assert project.metadata("ticket_types")["intercom/ticket_type_attributes_not_found"] == 1


def test_dropped_fields_are_dropped_in_what_is_nested(sandbox: Sandbox, project: Project) -> None:
    project.settings["drop_fields"] = {"ticket_type_attributes": ["description"]}
    project.run("ticket_types")
    columns = {row[0] for row in project.query("describe intercom.ticket_type_attributes")}
    assert "description" not in columns and "name" in columns


def test_records_of_what_is_nested_come_from_the_parents(
    client: IntercomClient, sandbox: Sandbox
) -> None:
    rows = list(STREAMS["ticket_type_attributes"](client).get_records())
    kinds = sandbox.workspace.ticket_types.values()
    wanted = [item["id"] for kind in kinds for item in kind["ticket_type_attributes"]["data"]]
    assert [row["id"] for row in rows] == wanted
    assert {row["ticket_type_id"] for row in rows} <= set(sandbox.workspace.ticket_types)


@pytest.mark.parametrize("chosen", [PAIR, PAIR[1:]])
def test_the_tap_reads_once_for_both(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], chosen: tuple[str, ...]
) -> None:
    wanted = [entry for entry in select(None) if entry.stream.tap_stream_id in chosen]
    tap.sync(client_of(sandbox), wanted, {}, {})
    target = Target().read(capsys.readouterr().out)
    assert {name: target.disagreements(sandbox.workspace, name) for name in chosen} == {
        name: [] for name in chosen
    }
    assert sandbox.count("/ticket_types") == 1


class Harbour:
    """A warehouse with one incremental stream, and another one nested in it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.warehouse = warehouse_of(database)
        self.runs = 0

    def connect(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return opened(self.database)

    def landing(self) -> Landing:
        self.runs += 1
        run = f"run {self.runs}"
        inner = Berth(self.warehouse, "inner", SPEC, "workspace", run)
        return Landing(self.warehouse, "outer", SPEC, "workspace", run, [inner])

    def rows(self, table: str) -> list[tuple[str, str]]:
        with self.connect() as connection:
            return connection.execute(
                f"select id, name from intercom.{table} order by id"
            ).fetchall()


@pytest.fixture
def harbour(at: Callable[[str], Database]) -> Iterator[Harbour]:
    yield Harbour(at("w.duckdb"))


def batch(name: str, state: SyncState) -> Batch:
    return Batch([{"id": "1", "name": name}], state, nested={"inner": [{"id": "a", "name": name}]})


def test_rows_of_both_and_their_state_are_committed_together(harbour: Harbour) -> None:
    harbour.landing().commit([batch("first", UP_TO_9)])
    landing = harbour.landing()
    assert landing.stored.state == UP_TO_9
    landing.commit([batch("second", UP_TO_20)])
    assert harbour.rows("outer") == [("1", "second")]
    assert harbour.rows("inner") == [("a", "second")]
    assert [berth.changes.updated for berth in landing.all] == [1, 1]


def test_neither_is_written_if_one_of_them_cannot_be(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    harbour.landing().commit([batch("first", UP_TO_9)])
    landing = harbour.landing()

    def broken(*_: object) -> None:
        raise duckdb.IOException("no room left")

    monkeypatch.setattr(landing.nested[0], "put", broken)
    with pytest.raises(DatabaseUnavailable, match="no room left"):
        landing.commit([batch("second", UP_TO_20)])
    assert harbour.rows("outer") == [("1", "first")]
    assert harbour.landing().stored.state == UP_TO_9


def test_where_the_inner_table_is_gone_both_are_read_again(harbour: Harbour) -> None:
    harbour.landing().commit([batch("first", UP_TO_9)])
    with harbour.connect() as connection:
        connection.execute("drop table intercom.inner")
    assert harbour.landing().stored.state is None


def test_an_inner_table_is_not_emptied_by_an_answer_without_its_records(
    at: Callable[[str], Database],
) -> None:
    harbour = Harbour(at("w.duckdb"))
    spec = TableSpec(key=("id",), schema=SCHEMA, replace=True)

    def landing() -> Landing:
        inner = Berth(harbour.warehouse, "inner", spec, "workspace", "run")
        return Landing(harbour.warehouse, "outer", spec, "workspace", "run", [inner])

    landing().replace([batch("first", SyncState())], allow_empty=False)
    with pytest.raises(EmptySource, match="no inner at all"):
        landing().replace([Batch([{"id": "1"}], SyncState())], allow_empty=False)
    assert harbour.rows("outer") == [("1", "first")]


TICKETS = ("tickets", "ticket_parts")


@pytest.mark.long
@pytest.mark.parametrize("wiped", TICKETS)
def test_whichever_asset_is_wiped_both_tables_are_read_again(
    sandbox: Sandbox, project: Project, wiped: str
) -> None:
    project.run("tickets")
    first = "(select min(id) from intercom.ticket_parts)"
    project.query(f"delete from intercom.ticket_parts where id = {first}")
    project.run("tickets")
    assert project.differences(*TICKETS), "what somebody else did to a table is not noticed"
    project.instance.wipe_assets([dg.AssetKey(wiped)])
    project.run("tickets")
    assert project.differences(*TICKETS) == {}


@pytest.mark.long
@pytest.mark.parametrize("reported", TICKETS)
def test_a_bookmark_reported_for_either_sets_both_back_once(
    sandbox: Sandbox, project: Project, reported: str
) -> None:
    project.run("tickets")
    event = dg.AssetMaterialization(
        dg.AssetKey(reported), metadata={"intercom/bookmark": "2001-01-01T00:00:00Z"}
    )
    project.instance.report_runless_asset_event(event)
    for read in (len(sandbox.workspace.tickets), 0):
        project.run("tickets")
        told = project.metadata("tickets")
        assert told["intercom/unchanged"] >= read
        assert read or told["intercom/records"] < len(sandbox.workspace.tickets)


@pytest.mark.long
def test_a_first_run_that_failed_half_way_is_not_taken_for_wiped(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    project.settings.update(page_size=5, max_concurrency=1)
    sandbox.faults.append(Fault("status", status=500, match="/tickets/search", after=3))
    assert not project.run("tickets", raise_on_error=False).success
    before = project.query("select count(*) from intercom.tickets")[0][0]
    assert 0 < before < len(sandbox.workspace.tickets)
    sandbox.faults.clear()
    project.run("tickets")
    assert project.differences(*TICKETS) == {}
    assert project.metadata("tickets")["intercom/bookmark_before"] is not None
    assert project.metadata("tickets")["intercom/records"] < len(sandbox.workspace.tickets)


@pytest.mark.long
def test_a_reported_bookmark_is_obeyed_once_even_if_the_run_fails(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    project.settings.update(page_size=5, max_concurrency=1)
    project.run("tickets")
    event = dg.AssetMaterialization(
        dg.AssetKey("ticket_parts"), metadata={"intercom/bookmark": "2001-01-01T00:00:00Z"}
    )
    project.instance.report_runless_asset_event(event)
    sandbox.faults.append(Fault("status", status=500, match="/tickets/search", after=3))
    assert not project.run("tickets", raise_on_error=False).success
    sandbox.faults.clear()
    project.run("tickets")
    assert project.metadata("tickets")["intercom/records"] < len(sandbox.workspace.tickets)
