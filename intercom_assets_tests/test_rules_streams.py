"""Rules 7, 9, 10 and 12 of the design: how streams ask Intercom, and what they make of it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import (
    AuthenticationError,
    ConfigError,
    PermissionDenied,
    RequestRefused,
    ServerError,
)
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.sandbox.clock import Clock
from intercom_assets.sandbox.request_log import RequestLog
from intercom_assets.streams import STREAMS
from intercom_assets_tests.conftest import SMALL, Project, client_of

pytestmark = pytest.mark.every_kind

HOUR, DAY = 3_600, 86_400


def midnight(sandbox: Sandbox, zone: str, days_ago: int) -> int:
    now = datetime.fromtimestamp(sandbox.workspace.clock.now(), ZoneInfo(zone))
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return int(day.timestamp()) - days_ago * DAY


@pytest.mark.long
@pytest.mark.parametrize(
    "zone",
    [
        "Pacific/Kiritimati",  # UTC+14
        "Pacific/Pago_Pago",  # UTC-11
        pytest.param("America/New_York", marks=pytest.mark.slow),
        # Half an hour of summer time.
        pytest.param("Australia/Lord_Howe", marks=pytest.mark.slow),
    ],
)
def test_rule_7_no_change_around_midnight_is_missed(
    zone: str, make_project: Callable[..., Project]
) -> None:
    with Sandbox(**SMALL, timezone=zone) as sandbox:
        project = make_project(sandbox)
        project.run("contacts")
        for _ in range(8):  # a day in steps of three hours
            sandbox.workspace.clock.advance(3 * HOUR)
            for contact in list(sandbox.workspace.contacts)[:3]:
                sandbox.workspace.update(
                    "contacts", contact, name=str(sandbox.workspace.clock.now())
                )
            project.run("contacts")
            assert project.differences("contacts") == {}


@pytest.mark.long
@pytest.mark.parametrize("day", [pytest.param("2025-03-09", marks=pytest.mark.slow), "2025-11-02"])
def test_rule_7_no_change_is_missed_on_the_day_that_summer_time_begins_or_ends(
    day: str, make_project: Callable[..., Project]
) -> None:
    """That day has 23 or 25 hours, and one of them never or twice."""
    zone = ZoneInfo("America/New_York")
    start = datetime.fromisoformat(day).replace(tzinfo=zone)
    clock = Clock(start.timestamp() - HOUR - time.time())
    with Sandbox(**SMALL, timezone=zone.key, clock=clock) as sandbox:
        project = make_project(sandbox)
        project.run("contacts")
        assert project.differences("contacts") == {}
        for hour, minute in ((1, 30), (3, 30), (23, 15), (23, 45)):
            local = start.replace(hour=hour, minute=minute)
            clock.advance(local.timestamp() - clock.now())
            for contact in list(sandbox.workspace.contacts)[:3]:
                sandbox.workspace.update("contacts", contact, name=f"changed at {local}")
            project.run("contacts")
            assert project.differences("contacts") == {}, local


def test_rule_7_an_increment_reads_from_the_newest_down_to_the_bookmark(
    sandbox: Sandbox, project: Project
) -> None:
    """Twenty others changed earlier the same day are not read again."""
    project.settings["page_size"] = 5
    project.run("contacts")
    sandbox.workspace.clock.advance(HOUR)
    changed = next(iter(sandbox.workspace.contacts))
    sandbox.workspace.update("contacts", changed, name="x")
    sandbox.reset_log()
    project.run("contacts")
    searches = [r.body for r in sandbox.requests if r.path == "/contacts/search"]
    assert len(searches) == 1
    assert searches[0]["sort"]["order"] == "descending"
    assert project.metadata("contacts")["intercom/records"] == 1


def test_rule_7_a_contact_that_search_shows_late_is_found_by_the_lookback(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("contacts")
    sandbox.search_lag = 300
    sandbox.workspace.create("contacts")
    project.run("contacts")
    sandbox.workspace.clock.advance(400)
    project.run("contacts")
    assert project.differences("contacts") == {}


def test_rule_7_sub_lists_are_read_only_for_contacts_that_changed(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("contacts")
    assert sandbox.count("/contacts/") > sandbox.count("/contacts/search")
    sandbox.workspace.clock.advance(HOUR)
    sandbox.reset_log()
    project.run("contacts")
    assert sandbox.count("/contacts/") == sandbox.count("/contacts/search") == 1


@pytest.mark.long
def test_rule_7_an_interrupted_history_goes_on_from_the_stored_cursor(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    monkeypatch.setattr(STREAMS["contacts"], "shortest_window", 10**9)  # one window, one cursor
    project.settings["page_size"] = 5
    sandbox.faults.append(Fault("status", status=500, match="/contacts/search", after=3))
    assert not project.run("contacts", raise_on_error=False).success
    sandbox.faults.clear()
    sandbox.reset_log()
    states = project.book("_sync_state", "contacts")
    state = project.query(f"select state from {states} where stream = 'contacts'")
    stored = json.loads(state[0][0])["walks"][0]["cursor"]
    project.run("contacts")
    asked = [r.body["pagination"] for r in sandbox.requests if r.path == "/contacts/search"]
    assert stored in [pagination.get("starting_after") for pagination in asked]
    assert project.differences("contacts") == {}
    assert project.metadata("contacts")["intercom/records"] <= len(sandbox.workspace.contacts) - 10


@pytest.mark.long
def test_rule_7_a_cursor_that_intercom_no_longer_knows_starts_the_window_over(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    monkeypatch.setattr(STREAMS["contacts"], "shortest_window", 10**9)  # one window, one cursor
    project.settings["page_size"] = 5
    sandbox.faults.append(Fault("status", status=500, match="/contacts/search", after=3))
    assert not project.run("contacts", raise_on_error=False).success
    sandbox.faults.clear()
    states = project.book("_sync_state", "contacts")
    state = project.query(f"select state from {states} where stream = 'contacts'")
    damaged = state[0][0].replace('"cursor": "', '"cursor": "!')
    project.query(f"update {states} set state = ? where stream = 'contacts'", damaged)
    project.run("contacts")
    assert project.differences("contacts") == {}


@pytest.mark.parametrize("status", [500, 404])
def test_rule_9_a_scroll_that_breaks_starts_over_and_is_complete(
    status: int, make_project: Callable[..., Project]
) -> None:
    with Sandbox(**{**SMALL, "companies": 350}, scroll_expiry=0.05) as sandbox:
        project = make_project(sandbox)
        fault = (
            Fault("status", status=500, match="scroll_param", after=1, times=4)
            if status == 500
            else Fault("delay", seconds=0.2, match="scroll_param", after=1, times=1)
        )
        sandbox.faults.append(fault)
        project.run("companies")
        assert project.differences("companies") == {}
        assert project.metadata("companies")["intercom/scrolls_started_over"] >= 1


def test_rule_9_a_foreign_scroll_is_waited_for(make_project: Callable[..., Project]) -> None:
    with Sandbox(**SMALL, scroll_expiry=0.3) as sandbox:
        foreign = client_of(sandbox)
        foreign.get("/companies/scroll")
        project = make_project(sandbox)
        project.run("companies")
        assert project.differences("companies") == {}


@pytest.mark.long
def test_rule_10_only_changed_conversations_are_read_again(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations", "conversation_parts")
    sandbox.workspace.clock.advance(HOUR)
    changed = next(iter(sandbox.workspace.conversations))
    sandbox.workspace.add_part(changed)
    sandbox.workspace.clock.advance(HOUR)
    sandbox.reset_log()
    project.run("conversations", "conversation_parts")
    read = [r.path for r in sandbox.requests if r.method == "GET" and "/conversations/" in r.path]
    assert read == [f"/conversations/{changed}"]
    assert project.differences("conversation_parts") == {}


@pytest.mark.long
def test_rule_10_what_is_read_within_a_minute_of_a_change_is_read_once_more(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations", "conversation_parts")
    sandbox.workspace.clock.advance(HOUR)
    changed = next(iter(sandbox.workspace.conversations))
    sandbox.workspace.add_part(changed)
    reads = []
    for minutes in (0, 2, 2):
        sandbox.workspace.clock.advance(60 * minutes)
        sandbox.reset_log()
        project.run("conversation_parts", "conversations")
        reads.append(sum(f"/conversations/{changed}" == r.path for r in sandbox.requests))
    assert reads == [1, 1, 0]


@pytest.mark.long
def test_rule_10_deleted_and_empty_conversations_are_settled(
    make_project: Callable[..., Project],
) -> None:
    with Sandbox(**SMALL, hidden=2) as sandbox:
        project = make_project(sandbox)
        project.run("conversations", "conversation_parts")
        assert project.differences("conversation_parts") == {}
        assert project.metadata("conversation_parts")["intercom/conversations_gone"] == 2
        sandbox.workspace.clock.advance(HOUR)
        sandbox.reset_log()
        project.run("conversation_parts")
        assert sandbox.count("/conversations/") == 0


def test_rule_10_parts_that_intercom_holds_back_stay(sandbox: Sandbox, project: Project) -> None:
    """Intercom gives the newest 500 parts; those that were stored before are kept."""
    space = sandbox.workspace
    id = next(iter(space.conversations))
    while len(space.parts[id]) < 500:
        space.add_part(id)
    project.run("conversations", "conversation_parts")
    oldest = space.parts[id][0]["id"]
    space.clock.advance(HOUR)
    space.add_part(id)
    project.run("conversations", "conversation_parts")
    rows = project.query(
        "select count(*), count(*) filter (_parts_truncated), bool_or(id = ?) "
        "from intercom.conversation_parts where conversation_id = ?",
        oldest,
        id,
    )
    assert rows == [(501, 500, True)]
    assert project.metadata("conversation_parts")["intercom/conversations_truncated"] == 1


@pytest.mark.long
def test_rule_10_the_bookmark_is_the_oldest_outstanding_change(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("conversations")
    project.run("conversation_parts")
    assert project.bookmark("conversation_parts") <= project.bookmark("conversations")
    sandbox.workspace.clock.advance(HOUR)
    changed = next(iter(sandbox.workspace.conversations))
    moment = sandbox.workspace.add_part(changed)["created_at"]
    project.run("conversations", "conversation_parts")
    told = datetime.fromisoformat(project.bookmark("conversation_parts").replace("Z", "+00:00"))
    assert int(told.timestamp()) == moment, "it was read within a minute of its change"
    sandbox.workspace.clock.advance(HOUR)
    project.run("conversations", "conversation_parts")
    assert project.bookmark("conversation_parts") == project.bookmark("conversations")


@pytest.mark.long
def test_rule_10_a_failure_loses_no_conversation(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intercom_assets.writer.COMMIT_ROWS", 1)
    project.run("conversations")
    asked = itertools.count()

    def outage(request: RequestLog) -> None:
        if request.path.startswith("/conversations/") and next(asked) == 8:
            sandbox.faults.append(Fault("status", status=500))

    sandbox.on_request = outage
    assert not project.run("conversation_parts", raise_on_error=False).success
    assert project.query("select count(*) from intercom.conversation_parts")[0][0] > 0
    sandbox.on_request = None
    sandbox.faults.clear()
    project.run("conversation_parts")
    assert project.differences("conversation_parts") == {}


def test_rule_10_parts_without_conversations_say_what_to_do(
    sandbox: Sandbox, project: Project
) -> None:
    result = project.run("conversation_parts", raise_on_error=False)
    failure = result.failure_data_for_node("conversation_parts")
    assert failure is not None
    assert "materialize conversations first" in str(failure.user_failure_data)


def test_without_a_warehouse_parts_come_from_the_conversations_stream(
    client: IntercomClient, sandbox: Sandbox
) -> None:
    parts = list(STREAMS["conversation_parts"](client).get_records())
    newest = {part["id"] for held in sandbox.workspace.parts.values() for part in held[-500:]}
    assert {part["id"] for part in parts} == newest


@pytest.mark.parametrize("stream", list(STREAMS))
def test_get_records_needs_no_dagster_and_filters_by_the_bookmark(
    stream: str, sandbox: Sandbox
) -> None:
    space = sandbox.workspace
    users = [id for id, contact in space.contacts.items() if contact["role"] == "user"]
    space.merge_contacts(users[0], users[1])
    space.delete("conversations", next(reversed(space.conversations)))
    space.clock.advance(60)
    client = client_of(sandbox, custom_object_types="Order")
    everything = list(STREAMS[stream](client).get_records())
    assert everything
    key = STREAMS[stream].replication_key
    if key:
        moments = sorted(record[key] for record in everything)
        middle = moments[len(moments) // 2]
        some = list(STREAMS[stream](client).get_records(bookmark_datetime=middle))
        assert sorted(record[key] for record in some) == [m for m in moments if m >= middle]


def test_get_records_refuses_what_is_no_date(client: IntercomClient) -> None:
    with pytest.raises(ConfigError, match="'last week' is no date"):
        next(STREAMS["contacts"](client).get_records(bookmark_datetime="last week"))


def test_rule_12_a_page_on_another_host_is_not_asked_for(sandbox: Sandbox) -> None:
    with Sandbox(**SMALL) as elsewhere:
        sandbox.faults.append(Fault("next_url", match="/tags", url=f"{elsewhere.url}/tags"))
        with pytest.raises(RequestRefused, match="another host"):
            list(STREAMS["tags"](client_of(sandbox)).get_records())
        assert not elsewhere.requests


def test_rule_12_a_redirect_is_not_followed(sandbox: Sandbox) -> None:
    with Sandbox(**SMALL) as elsewhere:
        sandbox.faults.append(Fault("redirect", match="/tags", url=f"{elsewhere.url}/tags"))
        with pytest.raises(RequestRefused, match="redirected"):
            list(STREAMS["tags"](client_of(sandbox)).get_records())
        assert not elsewhere.requests


def test_rule_12_the_token_is_in_no_representation(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    assert sandbox.token not in repr(client) + repr(client.settings) + str(vars(client))


@pytest.mark.parametrize("token", ["", "   ", "two words", "line\nbreak", "“quoted”"])
def test_a_token_that_cannot_be_one_is_refused_without_naming_it(token: str) -> None:
    with pytest.raises(ConfigError, match="INTERCOM_ACCESS_TOKEN") as caught:
        IntercomClient(config={"access_token": token})
    assert not token.strip() or token not in str(caught.value)


def test_a_bad_token_is_told_from_a_missing_permission(sandbox: Sandbox) -> None:
    bad = IntercomClient(config={"access_token": "wrong", "base_url": sandbox.url})
    with pytest.raises(AuthenticationError, match="INTERCOM_ACCESS_TOKEN"):
        bad.get("/tags")
    assert sandbox.count("/tags") == 1, "a 401 is not tried again"
    sandbox.missing_scopes["/tags"] = 401
    with pytest.raises(PermissionDenied, match="lacks the permission"):
        client_of(sandbox).get("/tags")


def test_a_missing_scope_fails_one_asset_and_says_how_to_leave_it_out(
    sandbox: Sandbox, project: Project
) -> None:
    sandbox.missing_scopes["/tags"] = 403
    result = project.run("tags", "teams", raise_on_error=False)
    failure = result.failure_data_for_node("tags")
    assert failure is not None
    assert "'not key:tags'" in str(failure.user_failure_data)
    assert project.differences("teams") == {}


def test_faults_that_pass_are_tried_again_within_a_bound(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    sandbox.faults.append(Fault("status", status=503, match="/tags", times=3))
    assert client.get("/tags").body["data"]
    sandbox.faults[:] = [Fault("status", status=503, match="/tags")]
    sandbox.reset_log()
    with pytest.raises(ServerError, match="status: 503"):
        client.get("/tags")
    assert sandbox.count("/tags") == 8


def test_a_page_that_keeps_failing_is_asked_for_in_smaller_pages(
    sandbox: Sandbox, project: Project
) -> None:
    sandbox.faults.append(Fault("status", status=504, match="/conversations/search", times=9))
    project.run("conversations")
    assert project.differences("conversations") == {}
    sizes = [
        r.body["pagination"]["per_page"]
        for r in sandbox.requests
        if r.path == "/conversations/search"
    ]
    assert sizes[:10] == [150] * 3 + [75] * 3 + [37] * 3 + [18]


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"region": "mars"}, "region"),
        ({"base_url": "http://api.intercom.io"}, "base_url"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"start_date": "someday"}, "start_date"),
        ({"lookback": -1}, "lookback"),
        ({"page_size": 151}, "page_size"),
        ({"display_as": "pdf"}, "display_as"),
        ({"api_version": "latest"}, "api_version"),
        ({"acces_token": "x"}, "acces_token"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        IntercomClient(config={"access_token": "x", **config})


def test_settings_that_are_left_out_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INTERCOM_ACCESS_TOKEN", "from-outside")
    monkeypatch.setenv("INTERCOM_REGION", "eu")
    monkeypatch.setenv("INTERCOM_START_DATE", "2024-01-31")
    settings = IntercomClient().settings
    assert settings.base_url == "https://api.eu.intercom.io"
    assert settings.start == int(datetime(2024, 1, 31, tzinfo=timezone.utc).timestamp())
    given = IntercomClient(config={"region": "au"}).settings
    assert given.base_url == "https://api.au.intercom.io"
