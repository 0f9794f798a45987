"""Rules 1 to 13 of the design once more: each test here stands for one guard of the code.

Each was written for a change of the code that no other test noticed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import requests

from intercom_assets.assets import IO_MANAGER_KEY
from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import (
    MalformedResponse,
    RequestRefused,
    ScrollUnavailable,
    ServerError,
)
from intercom_assets.extraction import Extraction
from intercom_assets.resources import IntercomResource
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams import STREAMS, Batch, Parent, Run
from intercom_assets.streams.state import SyncState, Walk
from intercom_assets.streams.timestamps import parse_epoch, to_iso
from intercom_assets.streams.transform import RecordTransformer, is_cut
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.errors import CommitLost, OwnershipLost, ShrinkRefused
from intercom_assets.warehouse.names import columns_for
from intercom_assets.warehouse.parent_queue import ParentQueue
from intercom_assets.warehouse.spec import TableSpec
from intercom_assets.warehouse.turns import turn
from intercom_assets_tests.conftest import SMALL, Project, client_of
from intercom_assets_tests.warehouses import Database, book, warehouse_of

pytestmark = pytest.mark.every_kind

HOUR = 3_600
MONDAY, TUESDAY = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": ["null", "string"]},
        "name": {"type": ["null", "string"]},
        "count": {"type": ["null", "integer"]},
        "updated_at": {"type": ["null", "string"], "format": "date-time"},
    },
}
MERGED = TableSpec(key=("id",), schema=SCHEMA, replace=False, version="updated_at")
REPLACED = TableSpec(key=("name",), schema=SCHEMA, replace=True)
Rows = list[tuple[Any, ...]]


class Things:
    """A warehouse with one table, and runs that write it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.warehouse = warehouse_of(database)
        self._connect = self.warehouse._connect
        self.warehouse._connect = self._far_away

    @contextmanager
    def _far_away(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._connect() as connection:
            # As on a machine that is far from UTC.
            connection.execute("set TimeZone = 'America/New_York'")
            yield connection

    def book(self, name: str) -> str:
        """The table of the package's own in which something of the stream stands."""
        return book(self.database, name, "things")

    def run(self, spec: TableSpec = MERGED, run_id: str = "run", table: str = "things") -> Landing:
        return Landing(self.warehouse, table, spec, "workspace", run_id)

    def land(self, *records: dict[str, Any], spec: TableSpec = MERGED) -> Landing:
        landing = self.run(spec)
        landing.commit([Batch(list(records), SyncState())])
        if spec.replace:
            landing.replace([], allow_empty=False)
        return landing

    def query(self, sql: str, *values: Any) -> Rows:
        with self.warehouse.connection() as connection:
            return connection.execute(sql, list(values)).fetchall()

    def rows(self, columns: str) -> Rows:
        """Of rows that are not marked as gone."""
        living = "select * from intercom.things where _deleted_at is null"
        return self.query(f"select {columns} from ({living}) order by all")


@pytest.fixture
def things(at: Callable[[str], Database]) -> Things:
    return Things(at("things.duckdb"))


@contextmanager
def answering(bodies: Mapping[str, object]) -> Iterator[IntercomClient]:
    """A client of a server that gives the same answer to every request of a path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(bodies[self.path.split("?")[0]]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    config = {"access_token": "t", "base_url": f"http://127.0.0.1:{server.server_port}"}
    client = IntercomClient(config={**config, "retry_wait": 0.0})
    try:
        yield client
    finally:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()


def report(project: Project, event: type[Any], stream: str, **metadata: Any) -> None:
    """Reports an event of no run."""
    facts = {key.replace("__", "/"): value for key, value in metadata.items()}
    project.instance.report_runless_asset_event(event(dg.AssetKey(stream), metadata=facts))


def wait_for(condition: Callable[[], bool]) -> None:
    """Polls until something holds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def oldest(sandbox: Sandbox, collection: str) -> list[dict[str, Any]]:
    held = getattr(sandbox.workspace, collection).values()
    return sorted(held, key=lambda record: record["updated_at"])


def failure_of(result: dg.ExecuteInProcessResult, stream: str) -> str:
    assert not result.success
    return str(getattr(result.failure_data_for_node(stream), "user_failure_data", None))


@pytest.mark.file_only  # commits of a lake hold more
def test_rule_1_progress_shows_every_ten_seconds_and_only_once_committed(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run takes the stream over in the middle, so that the next commit fails."""
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    monkeypatch.setattr("intercom_assets.writer.OBSERVATION_SECONDS", 0.0)
    project.settings["page_size"] = 5
    spec = Extraction(STREAMS["conversations"](client_of(sandbox))).table
    database = project.resources()[IO_MANAGER_KEY].duckdb
    warehouse = Warehouse(database.get_connection, "intercom")
    key, asked = dg.AssetKey("conversations"), []

    def take_over(request: Any) -> None:
        asked.extend([request] if "/search" in request.path else [])
        if len(asked) == 4:  # once two pages before this one are stored, each in its commit
            wait_for(lambda: len(project.instance.fetch_observations(key, limit=3).records) == 2)
            Landing(warehouse, "conversations", spec, "sandbox1", "the other run")
            asked.append(None)

    sandbox.on_request = take_over
    result = project.run("conversations", raise_on_error=False)
    assert "taken over by run the other run" in failure_of(result, "conversations")
    assert not project.instance.fetch_materializations(key, limit=1).records
    shown = [
        record.asset_observation.metadata["intercom/bookmark"].value
        for record in project.instance.fetch_observations(key, limit=99).records
        if record.asset_observation
    ]
    assert len(shown) > 1
    state = project.query(
        f"select state from {project.book('_sync_state', 'conversations')} "
        "where stream = 'conversations'"
    )
    stored = SyncState.from_json(json.loads(state[0][0])).bookmark
    assert max(parse_epoch(moment) or 0 for moment in shown) == stored


def test_rule_1_a_short_run_shows_its_progress_only_where_nothing_tells_of_the_table(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the first run to end after its first commit, the asset would count as wiped."""
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    project.settings["page_size"] = 5
    key = dg.AssetKey("conversations")
    for runs in (1, 2):
        project.run("conversations")
        assert len(project.instance.fetch_observations(key, limit=9).records) == 1
        assert len(project.instance.fetch_materializations(key, limit=9).records) == runs


@pytest.mark.long
@pytest.mark.parametrize("event", [dg.AssetMaterialization, dg.AssetObservation])
def test_rule_2_a_bookmark_is_found_behind_pages_of_events_without_one(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch, event: type[Any]
) -> None:
    monkeypatch.setattr("intercom_assets.resume.EVENTS_PER_PAGE", 2)
    project.run("conversations")
    report(project, event, "conversations", intercom__bookmark="2000-01-01")
    for _ in range(3):
        report(project, event, "conversations", note="looks good")
    project.run("conversations")
    everything = len(sandbox.workspace.conversations)
    assert project.metadata("conversations")["intercom/records"] == everything


def test_rule_2_a_reported_bookmark_is_obeyed_once_though_no_later_event_tells(
    sandbox: Sandbox, project: Project
) -> None:
    """As if the run that obeyed it had died between its last commit and its first event."""
    project.run("conversations")
    report(project, dg.AssetMaterialization, "conversations", intercom__bookmark="2000-01-01")
    result = project.run("conversations")
    assert project.metadata("conversations")["intercom/records"] > 20
    project.instance.delete_run(result.run_id)
    sandbox.workspace.clock.advance(HOUR)
    project.run("conversations")
    assert project.metadata("conversations")["intercom/records"] == 0


def test_rule_2_what_a_set_back_forgets_is_not_left_to_an_old_cursor() -> None:
    state = SyncState(complete=((0, 50),)).with_walk(Walk(50, 100, bounded=True, cursor="c"))
    assert state.back_to(20).gaps(100, 0) == [(20, 100)]


@pytest.mark.file_only
def test_rule_2_an_older_copy_of_the_database_is_not_taken_for_the_newest(
    sandbox: Sandbox, project: Project
) -> None:
    """The changes are older than the lookback of the bookmark that the events know."""
    project.run("conversations")
    copy = project.database.with_suffix(".copy")
    shutil.copy(project.database, copy)
    sandbox.workspace.clock.advance(HOUR)
    sandbox.workspace.change(10)
    sandbox.workspace.clock.advance(HOUR)
    project.run("conversations")
    shutil.copy(copy, project.database)
    project.run("conversations")
    assert project.differences("conversations") == {}


def test_rule_3_of_two_with_one_time_the_later_one_lands(things: Things) -> None:
    first, second = ({"id": "1", "name": name, "updated_at": MONDAY} for name in "ab")
    things.land(first, second)
    assert things.rows("name") == [("b",)]
    by_content = TableSpec(key=("id",), schema=SCHEMA, replace=False)
    things.land(second, first, spec=by_content)
    assert things.rows("name") == [("a",)]


def test_rule_3_a_record_with_a_time_is_newer_than_one_without(things: Things) -> None:
    timed = {"id": "1", "name": "timed", "updated_at": MONDAY}
    timeless = {"id": "1", "name": "timeless"}
    things.land(timed, timeless)
    assert things.rows("name") == [("timed",)]
    things.land({**timeless, "id": "2"})
    things.land({**timed, "id": "2"})
    assert things.rows("id, name") == [("1", "timed"), ("2", "timed")]


def test_rule_3_an_older_form_of_a_conversation_does_not_replace_its_parts(
    things: Things, client: IntercomClient
) -> None:
    spec = Extraction(STREAMS["conversation_parts"](client)).table
    part = {"id": "1", "conversation_id": "7", "updated_at": MONDAY}
    things.land({**part, "body": "new", "conversation_updated_at": TUESDAY}, spec=spec)
    things.land({**part, "body": "old", "conversation_updated_at": MONDAY}, spec=spec)
    assert things.rows("body") == [("new",)]


def test_rule_4_copies_of_a_record_come_and_go_one_by_one(things: Things) -> None:
    for copies in (1, 3, 2):
        changes = things.land(*[{"name": "plan"}] * copies, spec=REPLACED).changes
        assert things.rows("name") == [("plan",)] * copies
    assert (changes.unchanged, changes.deleted) == (2, 1)


def test_rule_4_what_is_read_whole_lands_even_if_its_updated_at_moved_back(
    things: Things, client: IntercomClient
) -> None:
    for stream in ("segments", "company_segments", "companies"):
        spec = Extraction(STREAMS[stream](client)).table
        landing = things.run(spec, table=stream)
        for name, moment in (("a", TUESDAY), ("b", MONDAY)):
            landing.commit([Batch([{"id": "1", "name": name, "updated_at": moment}], SyncState())])
        assert things.query(f"select name from intercom.{stream}") == [("b",)]


def test_rule_4_nothing_in_an_empty_table_is_fine(things: Things) -> None:
    things.run(REPLACED).replace([], allow_empty=False)
    assert things.rows("name") == []


@pytest.mark.parametrize("name", ["_row", "_copy", "_ordinal", "_synced_at", "_Row", "_SYNCED_AT"])
def test_rule_5_a_field_with_a_name_of_ours_lands(things: Things, name: str) -> None:
    for spec in (MERGED, REPLACED):
        for count in (1, 2):
            record = {"id": "1", "name": "a", "updated_at": MONDAY, name: f"value {count}"}
            renamed = things.land(record, spec=spec).changes.renamed
            assert things.rows(f'"{renamed[name]}"') == [(f'"value {count}"',)]


def test_rule_5_two_spellings_of_a_name_get_two_columns() -> None:
    assert columns_for(["NAME"], ["name"], {}) == {"NAME": "name__2"}
    assert columns_for(["name"], ["Name"], {}) == {"name": "name__2"}
    assert columns_for(["Plan", "PLAN"], [], {}) == {"Plan": "Plan", "PLAN": "plan__2"}
    known = {"Name": "name__2"}
    assert columns_for(["name__2"], ["name", "name__2"], known) == {"name__2": "name__2__2"}


def test_rule_5_a_field_that_only_a_later_record_has_lands(things: Things) -> None:
    things.land({"id": "1"}, {"id": "2", "nick": "x"})
    assert things.rows("id, nick") == [("1", None), ("2", '"x"')]


@pytest.mark.parametrize(
    ("listing", "cut"),
    [
        ({"data": [1], "has_more": True}, True),
        ({"data": [1], "total_count": 2}, True),
        ({"data": [1], "total_count": 2, "has_more": False}, True),
        ({"data": [1], "total_count": 1, "has_more": False}, False),
    ],
)
def test_rule_5_either_sign_tells_a_list_that_was_cut(listing: Any, cut: bool) -> None:
    assert is_cut(listing) is cut


@pytest.mark.parametrize(("collection", "kind"), [("contacts", "tags"), ("companies", "notes")])
def test_rule_5_a_list_of_several_pages_is_completed(
    sandbox: Sandbox, client: IntercomClient, collection: str, kind: str
) -> None:
    owner = next(iter(getattr(sandbox.workspace, collection)))
    many = [{"type": kind[:-1], "id": str(number)} for number in range(130)]
    sandbox.workspace.set_sublist(owner, kind, many)
    records = {record["id"]: record for record in STREAMS[collection](client).get_records()}
    assert [item["id"] for item in records[owner][kind]] == [item["id"] for item in many]


def test_rule_5_a_subscription_is_listed_where_it_was_chosen(
    sandbox: Sandbox, client: IntercomClient
) -> None:
    owner = next(iter(sandbox.workspace.contacts))
    chosen = [
        {"type": "subscription", "id": str(n), "consent_type": "opt_in" if n % 2 else "opt_out"}
        for n in range(30)
    ]
    sandbox.workspace.set_sublist(owner, "subscriptions", chosen)
    contact = next(r for r in STREAMS["contacts"](client).get_records() if r["id"] == owner)
    for field, odd in (("opted_in_subscription_types", 1), ("opted_out_subscription_types", 0)):
        assert {int(item["id"]) % 2 for item in contact[field]} == {odd}


def test_rule_5_a_record_without_its_key_is_an_error(
    sandbox: Sandbox, client: IntercomClient
) -> None:
    del sandbox.workspace.record("segments", next(iter(sandbox.workspace.segments)))["id"]
    with pytest.raises(MalformedResponse, match="a record of segments has no id"):
        list(STREAMS["segments"](client).get_records())


@pytest.mark.parametrize(
    ("path", "name"), [("/companies/scroll", "companies"), ("/contacts/search", "contacts")]
)
def test_rule_5_a_record_without_its_key_is_an_error_where_a_list_of_it_is_cut(
    path: str, name: str
) -> None:
    notes = {"type": "list", "notes": [], "total_count": 3, "has_more": True}
    page = {"data": [{"notes": notes}], "scroll_param": "next", "total_count": 1}
    with (
        answering({"/me": {}, path: page}) as client,
        pytest.raises(MalformedResponse, match=f"a record of {name} has no id"),
    ):
        list(STREAMS[name](client).get_records())


def test_rule_5_a_value_that_does_not_fit_widens_a_replaced_table(things: Things) -> None:
    for name, count in (("a", 1), ({"en": "a"}, "many"), ("b", 2)):
        rows = [{"id": id, "name": name, "count": count} for id in "123"]
        things.land(*rows, spec=TableSpec(key=("id",), schema=SCHEMA, replace=True))
    assert things.rows("name, count") == [('"b"', "2")] * 3


def test_rule_6_a_long_integer_beside_a_lone_surrogate_keeps_every_digit() -> None:
    from intercom_assets.client.decoding import decode, encode

    assert decode(rb'{"n": 1180591620717411303425, "x": "\ud800"}')["n"] == 2**70 + 1
    assert encode({"n": 2**70 + 1, "x": "a\ud800"}) == f'{{"n":{2**70 + 1},"x":"a\ufffd"}}'


def test_rule_6_times_are_in_utc_wherever_the_machine_is(things: Things) -> None:
    things.land({"id": "1", "updated_at": MONDAY})
    assert things.rows("updated_at::varchar") == [("2024-01-01 00:00:00+00",)]
    things.land(*({"id": id, "updated_at": "soon"} for id in "234"))
    assert things.rows("updated_at") == [(MONDAY,), *[("soon",)] * 3]


def test_rule_6_a_time_is_kept_or_empty_but_never_lost() -> None:
    regular = RecordTransformer(SCHEMA)
    for value, time_of_it in ((0, "1970-01-01T00:00:00Z"), ("", None), ("soon", "soon")):
        assert regular({"updated_at": value}) == {"updated_at": time_of_it}


def test_rule_7_a_day_of_25_hours_hides_no_contact(
    sandbox: Sandbox, client: IntercomClient
) -> None:
    """At 23:30 of such a day the moment 24 hours earlier is still the same day."""
    start = int(datetime(2025, 11, 3, 4, 30, tzinfo=timezone.utc).timestamp())
    contact = sandbox.workspace.create("contacts", at=start + 60)["id"]
    found = STREAMS["contacts"](client).get_records(bookmark_datetime=start)
    assert contact in {record["id"] for record in found}


def test_rule_7_history_is_read_in_ascending_order_and_windows_to_their_end(
    sandbox: Sandbox,
) -> None:
    client = client_of(sandbox, page_size=2)
    moments = [record["updated_at"] for record in oldest(sandbox, "contacts")]
    state = SyncState(complete=((moments[1], client.server_time()),))
    batches = list(STREAMS["contacts"](client).batches(state, Run(lookback=0)))
    assert sum(len(batch.records) for batch in batches) == 1
    searches = [each.body for each in sandbox.requests if each.path == "/contacts/search"]
    assert [search["sort"]["order"] for search in searches] == ["ascending"]


def test_rule_7_a_list_is_not_completed_for_a_contact_that_did_not_change(
    sandbox: Sandbox, client: IntercomClient
) -> None:
    """It is on the page only because a search can ask for whole days."""
    now = sandbox.workspace.clock.now()
    contact = next(iter(sandbox.workspace.contacts))
    notes = [{"type": "note", "id": str(number)} for number in range(30)]
    sandbox.workspace.set_sublist(contact, "notes", notes, at=now - HOUR)
    state = SyncState(complete=((0, now - HOUR // 2),))
    for _ in STREAMS["contacts"](client).batches(state, Run(lookback=0)):
        pass
    assert sandbox.count(f"/contacts/{contact}") == 0


@pytest.mark.parametrize("stream", ["contacts", "conversations"])
@pytest.mark.parametrize("increment", [False, True])
def test_rule_8_nothing_is_claimed_that_is_still_to_come(
    sandbox: Sandbox, stream: str, increment: bool
) -> None:
    """Seven records share each second, five fit on a page, and all the while records change."""
    client, space = client_of(sandbox, page_size=5), sandbox.workspace
    now = space.clock.now()
    records = oldest(sandbox, stream)
    first = now - len(records) * 72 * HOUR
    for number, record in enumerate(records):
        space.update(stream, record["id"], at=first + number // 7 * 7 * 72 * HOUR)
    state = SyncState(complete=((0, first),)) if increment else None
    started = client.server_time()
    batches = list(STREAMS[stream](client).batches(state, Run(lookback=0)))
    yielded: set[str] = set()
    for batch in batches:
        yielded |= {record["id"] for record in batch.records}
        for record in oldest(sandbox, stream):
            if record["id"] not in yielded:
                moment = record["updated_at"]
                assert not any(a <= moment < b for a, b in batch.state.complete)
        assert all(end <= started + 1 for _, end in batch.state.complete)
    assert len(yielded) == len(records)
    assert batches[-1].state.walks == ()
    assert started <= batches[-1].state.bookmark <= started + 1


@pytest.mark.parametrize("stream", ["conversations", "companies", "segments"])
def test_rule_8_what_changed_after_the_start_of_a_run_lands_but_is_not_claimed(
    sandbox: Sandbox, stream: str
) -> None:
    client = client_of(sandbox, page_size=5)
    started = client.server_time()

    def later(_: Any) -> None:
        sandbox.on_request = None
        sandbox.workspace.clock.advance(HOUR)
        first = oldest(sandbox, stream)[0]["id"]
        sandbox.workspace.update(stream, first, name="changed")

    sandbox.on_request = later
    batches = list(STREAMS[stream](client).batches())
    newest = max(parse_epoch(r["updated_at"]) or 0 for b in batches for r in b.records)
    assert newest > started + HOUR // 2
    assert max(end for b in batches for _, end in b.state.complete) <= started + 1


def test_rule_8_a_gap_is_read_up_to_its_end_only(sandbox: Sandbox) -> None:
    client = client_of(sandbox, page_size=5)
    moments = [record["updated_at"] for record in oldest(sandbox, "conversations")]
    state = SyncState(complete=((moments[8], client.server_time()),))
    records = [
        record
        for batch in STREAMS["conversations"](client).batches(state, Run(lookback=0))
        for record in batch.records
    ]
    assert len(records) == sum(moment < moments[8] for moment in moments)
    assert sandbox.count("/conversations/search") <= 3


def test_rule_9_a_page_that_is_not_full_is_not_the_end() -> None:
    with Sandbox(**SMALL, scroll_page_size=7) as sandbox:
        found = list(STREAMS["companies"](client_of(sandbox)).get_records())
        assert len(found) == SMALL["companies"]
        assert sandbox.count("/companies/scroll") == -(-SMALL["companies"] // 7) + 1


def test_rule_9_a_scroll_does_not_wait_for_what_is_done_with_its_pages() -> None:
    with Sandbox(**SMALL, scroll_page_size=7) as sandbox:
        pages = STREAMS["companies"](client_of(sandbox)).batches()
        next(pages)
        wait_for(lambda: sandbox.count("/companies/scroll") == 6)
        assert sum(len(batch.records) for batch in pages) == SMALL["companies"] - 7


def test_rule_9_an_empty_answer_or_a_page_without_a_cursor_is_not_the_end(
    sandbox: Sandbox,
) -> None:
    sandbox.scroll_page_size, sandbox.scroll_expiry = 7, 0.05
    sandbox.faults.append(Fault("empty_200", match="scroll_param", times=2))
    found = {record["id"] for record in STREAMS["companies"](client_of(sandbox)).get_records()}
    assert found == set(sandbox.workspace.companies)
    page = {"type": "list", "data": [{"id": "1", "updated_at": 1}]}
    for answer in (page, {"type": "list"}):
        with answering({"/companies/scroll": answer, "/me": {}}) as client:
            stream = STREAMS["companies"](client)
            with pytest.raises(MalformedResponse):
                list(stream.get_records())


@pytest.mark.parametrize("fault", ["status", "foreign"])
def test_rule_9_a_scroll_that_never_ends_well_is_an_error(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr("intercom_assets.streams.collections.companies.MAX_SCROLLS", 2)
    if fault == "status":
        sandbox.faults.append(Fault("status", status=500, match="scroll"))
    else:
        client_of(sandbox).get("/companies/scroll")
    with pytest.raises((ServerError, ScrollUnavailable)):
        list(STREAMS["companies"](client_of(sandbox)).get_records())


class Queue:
    """Conversations 1 to 9 of a warehouse, three for each second, in pages of two."""

    def __init__(self, things: Things, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("intercom_assets.warehouse.parent_queue.PARENTS_PER_PAGE", 2)
        self.parts = TableSpec(key=("id",), schema=SCHEMA, replace=False, parent="things")
        records = [
            {"id": str(n), "updated_at": f"2024-01-0{1 + n % 3}T00:00:00Z"} for n in range(1, 10)
        ]
        things.land(*records)
        self.things = things
        self.landing = things.run(self.parts, table="parts")
        # DuckDB 2.0 forgets a LIMIT above a left join with an empty table.
        self.settle(Parent("of another day", 0), at=0)
        self.work = ParentQueue(things.warehouse, "parts", "things", MERGED)

    def outstanding(
        self, since: int = 0, settled: int = 0, before: int | None = None
    ) -> list[Parent]:
        pages = list(self.work.pages(since, settled, before))
        assert all(len(page) <= 2 for page in pages)
        return [parent for page in pages for parent in page]

    def settle(self, *parents: Parent, at: int) -> None:
        done = tuple(Parent(p.id, p.updated_at, at) for p in parents)
        self.landing.commit([Batch([], SyncState(), fetched=done)])


@pytest.fixture
def queue(things: Things, monkeypatch: pytest.MonkeyPatch) -> Queue:
    return Queue(things, monkeypatch)


def test_rule_10_the_queue_is_read_in_pages_oldest_change_first(queue: Queue) -> None:
    everything = queue.outstanding()
    assert [parent.id for parent in everything] == list("369147258")
    assert [p.id for p in queue.outstanding(since=everything[3].updated_at)] == list("147258")


def test_rule_10_what_was_read_at_all_times_is_outstanding_for_its_reasons_only(
    queue: Queue,
) -> None:
    parents = {parent.id: parent for parent in queue.outstanding()}
    now = 1_800_000_000
    queue.settle(*parents.values(), at=now + 10)
    assert queue.outstanding(settled=60) == []
    changed = parents["5"].updated_at
    queue.settle(parents["5"], at=changed + 59)  # may still have been changing
    queue.settle(parents["6"], at=now - 10)  # before a full refresh began
    assert [parent.id for parent in queue.outstanding(settled=60)] == ["5"]
    assert [parent.id for parent in queue.outstanding(before=now)] == ["6", "5"]
    queue.things.land({"id": "7", "updated_at": "2024-02-01T00:00:00Z"})
    assert [parent.id for parent in queue.outstanding()] == ["7"]


@pytest.mark.file_only
def test_rule_10_no_connection_is_open_between_two_pages(queue: Queue) -> None:
    """Another process can write the file while conversations are being read."""
    pages = queue.work.pages(0, 0, None)
    next(pages)
    script = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table x (i int)')"
    command = [sys.executable, "-c", script, str(queue.things.database)]
    assert subprocess.run(command, check=False).returncode == 0
    assert len(list(pages)) == 4


def test_rule_10_the_ledger_is_written_with_the_parts_or_not_at_all(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = queue.outstanding()[0]
    queue.things.run(queue.parts, "another run", table="parts")
    with pytest.raises(OwnershipLost):
        queue.settle(parent, at=1_800_000_000)
    assert queue.outstanding()[0] == parent


@pytest.mark.parametrize("status", [404, 410])
def test_rule_10_a_conversation_that_is_gone_is_settled(
    sandbox: Sandbox, queue: Queue, status: int
) -> None:
    sandbox.faults.append(Fault("status", status=status, match="/conversations/"))
    stream = STREAMS["conversation_parts"](client_of(sandbox))
    batches = list(Extraction(stream, Run()).batches(None, queue.work))
    assert {parent.id for batch in batches for parent in batch.fetched} == set("123456789")
    assert stream.counts["conversations gone"] == 9


def test_rule_10_a_conversation_without_its_list_of_parts_is_an_error(queue: Queue) -> None:
    with answering(
        {"/me": {}, **{f"/conversations/{n}": {"id": str(n)} for n in range(1, 10)}}
    ) as client:
        stream = STREAMS["conversation_parts"](client)
        with pytest.raises(MalformedResponse, match="without conversation_parts"):
            list(Extraction(stream, Run()).batches(None, queue.work))


def test_an_admin_without_an_id_is_an_error() -> None:
    nameless = {"/me": {}, "/admins": {"admins": [{"name": "Ada"}]}}
    with answering(nameless) as client, pytest.raises(MalformedResponse, match="no id"):
        list(STREAMS["admins"](client).get_records())


@pytest.mark.file_only
def test_rule_10_while_parts_are_read_the_bookmark_is_the_oldest_outstanding(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.warehouse.parent_queue.PARENTS_PER_PAGE", 4)
    project.run("conversations")
    moments = {c["id"]: c["updated_at"] for c in sandbox.workspace.conversations.values()}
    stream = STREAMS["conversation_parts"](client_of(sandbox))
    warehouse = warehouse_of(project.database)
    work = ParentQueue(warehouse, "conversation_parts", "conversations", MERGED)
    end = work.bookmark()
    for batch in Extraction(stream, Run()).batches(None, work):
        assert batch.state.bookmark <= min([*moments.values(), end])
        for parent in batch.fetched:
            del moments[parent.id]
        if not moments:  # a later run of conversations does not speak for what this one has read
            states = project.book("_sync_state", "conversations")
            later = f"update {states} set state = replace(state::varchar, ?, ?)"
            project.query(later, to_iso(end), "2999-01-01")
    assert work.bookmark() > end
    assert batch.state.bookmark == end


def test_rule_10_the_bookmark_waits_for_what_was_read_within_a_minute_of_its_change(
    sandbox: Sandbox, project: Project
) -> None:
    changed = sandbox.workspace.add_part(next(iter(sandbox.workspace.conversations)))["created_at"]
    sandbox.workspace.clock.advance(30)
    project.run("conversations")
    assert project.bookmark("conversations") > str(to_iso(changed))
    project.run("conversation_parts")
    assert project.bookmark("conversation_parts") == to_iso(changed)


def test_rule_10_the_form_of_a_conversation_that_was_read_is_noted(queue: Queue) -> None:
    """It changed after it was listed: the next listing shows what was read already."""
    parts: dict[str, Any] = {"conversation_parts": {"conversation_parts": []}}
    newer = parse_epoch("2024-02-01") or 0
    bodies = {f"/conversations/{n}": {"id": str(n), "updated_at": newer, **parts} for n in range(9)}
    older = {"/conversations/9": {"id": "9", "updated_at": 1, **parts}}
    with answering({"/me": {}, **bodies, **older}) as client:
        stream = STREAMS["conversation_parts"](client)
        batches = list(Extraction(stream, Run()).batches(None, queue.work))
    noted = {parent.id: parent.updated_at for batch in batches for parent in batch.fetched}
    assert noted == {**dict.fromkeys("12345678", newer), "9": parse_epoch(MONDAY)}


def test_rule_10_without_a_warehouse_a_page_is_claimed_after_its_conversations(
    sandbox: Sandbox,
) -> None:
    outstanding = {c["id"]: c["updated_at"] for c in sandbox.workspace.conversations.values()}
    parts = {id: len(held[-500:]) for id, held in sandbox.workspace.parts.items()}
    stream = STREAMS["conversation_parts"](client_of(sandbox, page_size=5))
    for batch in stream.batches():
        for record in batch.records:
            parts[record["conversation_id"]] -= 1
        # Some come twice: windows that are read side by side share a second.
        left = [outstanding[id] for id, count in parts.items() if count > 0]
        assert not any(a <= m < b for m in left for a, b in batch.state.complete)
    assert max(parts.values()) <= 0


def test_rule_10_conversations_are_read_side_by_side(sandbox: Sandbox) -> None:
    sandbox.latency = 0.02
    list(STREAMS["conversation_parts"](client_of(sandbox)).get_records())
    assert sandbox.max_in_flight > 5


def test_rule_11_a_transaction_in_which_duckdb_broke_is_done_again_in_another_instance(
    things: Things,
) -> None:
    warehouse = warehouse_of(things.database)
    met: list[int] = []

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        connection.execute("create table if not exists tries (met int)")
        connection.execute("insert into tries values (1)")
        depth = "select current_setting('max_expression_depth')"
        met.extend(int(value) for [value] in connection.execute(depth).fetchall())
        if len(met) == 1:
            connection.execute("set global max_expression_depth = 1234")
            raise duckdb.InternalException("INTERNAL Error: Attempted to access index 0")
        [(tries,)] = connection.execute("select count(*) from tries").fetchall()
        return int(tries)

    assert warehouse.write(work) == 1
    assert met == [1_000, 1_000]


@pytest.mark.long
def test_rule_11_whoever_was_taken_over_changes_nothing_any_more(things: Things) -> None:
    """The same run counts as another one when its step is tried again."""
    records = [{"id": "1", "name": "a"}]
    for spec in (MERGED, REPLACED):
        for run_id in ("first", "second"):
            first = things.run(spec, "first")
            first.commit([Batch(records, SyncState(refresh=1))])
            things.run(spec, run_id)
            state = things.query(f"from {things.book('_sync_state')}")
            writes: list[Callable[[], None]] = [
                partial(first.commit, [Batch(records, SyncState())]),
                partial(first.replace, [], True),
                partial(first.sweep, SyncState(), True),
                partial(first.start_over, None, first, None),
            ]
            for write in writes:
                with pytest.raises(OwnershipLost, match=f"taken over by run {run_id}"):
                    write()
            assert things.query(f"from {things.book('_sync_state')}") == state
            assert things.rows("id") == [("1",)]


@pytest.mark.file_only
@pytest.mark.parametrize("spec", [MERGED, REPLACED], ids=["merged", "replaced"])
def test_rule_11_a_run_notices_that_a_commit_of_its_own_is_gone(
    things: Things, spec: TableSpec
) -> None:
    """A program that does not know of us may write to the file, and put its own state back."""
    landing = things.run(spec)
    landing.commit([Batch([{"id": "1"}], SyncState())])
    copy = shutil.copy(things.database, things.database.with_suffix(".copy"))
    landing.commit([Batch([{"id": "2"}], SyncState())])
    shutil.copy(copy, things.database)
    with pytest.raises(CommitLost, match="no longer holds what run run has committed"):
        landing.commit([Batch([{"id": "3"}], SyncState())])
    assert things.rows("id") == ([("1",)] if spec is MERGED else [])
    # The next run goes on.
    things.land({"id": "4"}, spec=spec)
    assert things.rows("id") == ([("1",), ("4",)] if spec is MERGED else [("4",)])


def test_rule_11_a_claim_of_another_run_counts_in_a_restored_copy_too(things: Things) -> None:
    """An older copy of the file counts its claims from a lower number."""
    landing = things.run(run_id="first")
    things.query(f"update {things.book('_sync_state')} set owner = 'second'")
    with pytest.raises(OwnershipLost, match="taken over by run second"):
        landing.commit([Batch([{"id": "1"}], SyncState())])


def test_rule_11_a_second_run_waits_and_says_for_whom(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with turn(str(tmp_path / "x.duckdb"), "intercom.tags", "run 2", 60, said.append):
            order.append("second")

    with turn(str(tmp_path / "x.duckdb"), "intercom.tags", "run 1", 60, said.append):
        thread = threading.Thread(target=second)
        thread.start()
        wait_for(lambda: bool(said))
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert "waiting for run run 1 (process" in said[0]


def test_rule_11_after_its_patience_a_second_run_takes_over(tmp_path: Path) -> None:
    said: list[str] = []

    def second() -> None:
        with turn(str(tmp_path / "x.duckdb"), "intercom.tags", "run 2", 0.0, said.append):
            said.append("my turn")

    with turn(str(tmp_path / "x.duckdb"), "intercom.tags", "run 1", 60, said.append):
        thread = threading.Thread(target=second, daemon=True)
        thread.start()
        wait_for(lambda: "my turn" in said)
    thread.join(10)
    assert any("taking over" in line for line in said)


def test_rule_12_the_same_host_by_another_scheme_or_port_is_another_host(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    with Sandbox(**SMALL) as elsewhere:
        for url in (sandbox.url.replace("http:", "https:"), elsewhere.url):
            with pytest.raises(RequestRefused, match="another host"):
                client.get(f"{url}/tags")
        assert not elsewhere.requests


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_rule_12_no_redirect_is_followed_be_it_of_a_post(sandbox: Sandbox, status: int) -> None:
    with Sandbox(**SMALL) as elsewhere:
        target = f"{elsewhere.url}/conversations/search"
        sandbox.faults.append(Fault("redirect", match="/search", url=target, status=status))
        with pytest.raises(RequestRefused, match="redirected"):
            list(STREAMS["conversations"](client_of(sandbox)).get_records())
        assert not elsewhere.requests


def test_rule_12_a_netrc_does_not_replace_the_token(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(sandbox.url) == ("somebody", "else")
    assert client_of(sandbox).get("/me").body["app"]["id_code"] == "sandbox1"


def test_rule_12_an_error_does_not_carry_the_request(sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("reset", match="/tags"))
    with pytest.raises(ServerError) as caught:
        client_of(sandbox).get("/tags", tries=1)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_rule_12_the_resource_shows_no_token() -> None:
    assert "secret-token" not in repr(IntercomResource(access_token="secret-token"))
    with pytest.raises(Exception, match="INTERCOM_ACCESS_TOKEN") as caught:
        IntercomResource(access_token="secret token")
    assert "secret token" not in str(caught.value)


@pytest.mark.long
@pytest.mark.file_only
def test_rule_12_the_token_is_in_no_event_table_or_output(
    make_project: Callable[..., Project], capfd: pytest.CaptureFixture[str]
) -> None:
    with Sandbox(**SMALL, token="tok-1f2e3d4c") as sandbox:
        project = make_project(sandbox)
        sandbox.missing_scopes["/tags"] = 401
        sandbox.faults.append(Fault("reset", match="/teams"))
        result = project.run("tags", "teams", "segments", raise_on_error=False)
        assert not result.success
        events = project.instance.all_logs(result.run_id)
        run = project.instance.get_run_by_id(result.run_id)
        printed = capfd.readouterr()
        assert "STEP_FAILURE" in printed.err
        everything = f"{events}{run}{printed}".encode() + project.database.read_bytes()
        assert b"tok-1f2e3d4c" not in everything


class Refresh:
    """A full refresh of ten rows that the table has."""

    def __init__(self, things: Things) -> None:
        self.things = things
        self.records = [{"id": str(n), "updated_at": MONDAY} for n in range(10)]
        things.land(*self.records)
        self.landing = things.run()

    def see(self, count: int, refresh: int = 1) -> None:
        self.landing.commit([Batch(self.records[:count], SyncState(refresh=refresh))])

    def sweep(self, allow_shrink: bool = False) -> int:
        self.landing.sweep(SyncState(), allow_shrink)
        return len(self.things.rows("id"))


@pytest.fixture
def refresh(things: Things) -> Refresh:
    return Refresh(things)


def test_rule_13_a_fifth_may_go_and_not_one_row_more(refresh: Refresh) -> None:
    refresh.see(7)
    with pytest.raises(ShrinkRefused, match="3 of the 10 rows"):
        refresh.sweep()
    assert len(refresh.things.rows("id")) == 10
    refresh.see(8)
    assert refresh.sweep() == 8
    notes = refresh.things.query(f"select * from {refresh.things.book('_seen')}")
    assert notes == [], "the notes of a refresh that is over would fill the file"


def test_rule_13_what_an_earlier_full_refresh_met_is_no_longer_proof(refresh: Refresh) -> None:
    refresh.see(10, refresh=1)  # never completed
    refresh.see(9, refresh=2)
    assert refresh.sweep() == 9
    refresh.see(8, refresh=3)
    assert refresh.sweep() == 8


def test_rule_13_a_full_refresh_proves_its_own_table_only(refresh: Refresh) -> None:
    other = refresh.things.run(table="others")
    other.commit([Batch(refresh.records, SyncState(refresh=1))])
    refresh.see(9)
    assert refresh.sweep() == 9


def test_rule_13_what_moved_while_a_full_refresh_was_interrupted_is_not_swept(
    sandbox: Sandbox,
) -> None:
    """What was read before the break may have hidden what moved on before it was read."""
    space, client = sandbox.workspace, client_of(sandbox)
    now = space.clock.now()
    moved = space.create("conversations", at=now - 2 * HOUR)["id"]
    state = SyncState(complete=((0, now - HOUR),), refresh=now - 3 * HOUR)
    batches = list(STREAMS["conversations"](client).batches(state, Run(lookback=600)))
    assert batches[-1].sweep
    assert batches[-1].state.refresh is None
    assert moved in {record["id"] for batch in batches for record in batch.records}


@pytest.mark.parametrize("stream", ["companies", "conversations", "conversation_parts"])
def test_rule_13_an_interrupted_full_refresh_is_finished_once(
    sandbox: Sandbox, queue: Queue, stream: str
) -> None:
    state = SyncState(refresh=client_of(sandbox).server_time() - HOUR)
    reader = STREAMS[stream](client_of(sandbox))
    sandbox.faults.append(Fault("status", status=404, match=r"/conversations/\d"))
    for run in (Run(), Run(full_refresh=True)):  # asked for or not, the one that began goes on
        batches = list(Extraction(reader, run).batches(state, queue.work))
        if stream != "companies":  # what is always read whole may as well begin anew
            assert {batch.state.refresh for batch in batches[:-1]} <= {state.refresh, None}
        assert [batch.sweep for batch in batches[-1:]] == [stream != "conversation_parts"]
        assert batches[-1].state.refresh is None
    again = list(Extraction(reader, Run()).batches(batches[-1].state, queue.work))
    # What is read whole anyway knows each time what is gone.
    assert any(batch.sweep for batch in again) == (stream == "companies")


def test_rule_13_rows_that_wait_to_be_committed_are_not_swept(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("segments")
    project.run("segments", full_refresh=True)
    assert project.metadata("segments")["intercom/deleted"] == 0
    assert project.differences("segments") == {}
