"""Every stream: what the sandbox holds is what lands, and a second time only what changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from intercom_assets.sandbox import Sandbox, Workspace
from intercom_assets.sandbox.collections import PLAIN
from intercom_assets.singer import tap
from intercom_assets.singer.catalog import discover, select
from intercom_assets.streams import STREAMS
from intercom_assets.streams.selection import choose
from intercom_assets_tests.conftest import Project, client_of
from intercom_assets_tests.singer_output import Target

# Each run adds what Intercom told it.
SNAPSHOTS = {name for name, collection in PLAIN.items() if collection.observed_at}
CUSTOM = "Order,Abonnement"


@pytest.fixture
def whole(make_project: Callable[..., Project], sandbox: Sandbox) -> Project:
    """A project that can read all there is, off streams as well."""
    return make_project(sandbox, custom_object_types=CUSTOM)


def complete(space: Workspace) -> None:
    """Has a workspace hold something for each stream."""
    users = [id for id, contact in space.contacts.items() if contact["role"] == "user"]
    space.merge_contacts(users[0], users[1])
    space.delete("conversations", next(reversed(space.conversations)))
    side = {"side_conversation_id": "7001", "conversation_parts": [], "total_count": 0}
    space.attach(next(iter(space.conversations)), "side_conversations", side)


@pytest.mark.long
def test_each_table_agrees_with_the_sandbox_at_first_and_after_a_busy_minute(
    whole: Project,
) -> None:
    space = whole.sandbox.workspace
    complete(space)
    whole.run(*STREAMS)
    assert whole.differences(*STREAMS) == {}
    rows = {name: whole.query(f"select count(*) from intercom.{name}")[0][0] for name in STREAMS}
    assert [name for name in STREAMS if not rows[name]] == [], "nothing would be compared"

    space.change(6)
    whole.run(*STREAMS)
    # A company that changes does not move the contacts whose lists show it.
    assert whole.differences(*(name for name in STREAMS if name != "contacts")) == {}


@pytest.mark.long
def test_the_tap_gives_each_record_whole(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    complete(sandbox.workspace)
    catalog = discover()
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = True
    tap.sync(client_of(sandbox, custom_object_types=CUSTOM), select(catalog), {}, {})
    target = Target().read(capsys.readouterr().out)
    found = {name: target.disagreements(sandbox.workspace, name)[:3] for name in STREAMS}
    assert found == {name: [] for name in STREAMS}
    assert all(target.tables[name] for name in STREAMS), "nothing would be compared"


def test_get_records_gives_each_record_whole(sandbox: Sandbox) -> None:
    complete(sandbox.workspace)
    client = client_of(sandbox, custom_object_types=CUSTOM)
    target = Target()
    for name, kind in STREAMS.items():
        stream = kind(client)
        target.schemas[name] = stream.load_schema()["properties"]
        records = list(stream.get_records())
        target.tables[name] = dict(enumerate(records))
        undeclared = {field for record in records for field in record} - set(target.schemas[name])
        target.schemas[name] |= {field: {"type": ["null", "object"]} for field in undeclared}
    found = {name: target.disagreements(sandbox.workspace, name)[:3] for name in STREAMS}
    assert found == {name: [] for name in STREAMS}


@pytest.mark.slow
def test_a_second_run_of_everything_brings_nothing(whole: Project) -> None:
    whole.run(*STREAMS)
    whole.run(*STREAMS)
    changes = ("intercom/inserted", "intercom/updated", "intercom/deleted")
    touched = {name for name in STREAMS if any(map(whole.metadata(name).get, changes))}
    assert touched == SNAPSHOTS


def test_the_default_streams_are_those_that_cost_no_call_a_record() -> None:
    default = choose("default")
    assert {"contacts", "tickets", "articles", "activity_logs", "workspace"} <= set(default)
    assert not {"contact_merges", "handling_events", "roles", "data_events"} & set(default)
    assert choose("all") == list(STREAMS)
    # What stands inside another's records comes along.
    assert set(choose("content, tickets")) == {*choose("content"), "tickets", "ticket_parts"}


def test_the_environment_chooses_where_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERCOM_STREAMS", "people,macros")
    assert {"contacts", "macros"} <= set(choose())
    assert "conversations" not in choose()


def test_custom_objects_without_a_type_are_refused_with_what_to_do(project: Project) -> None:
    result = project.run("custom_object_instances", raise_on_error=False)
    failure = result.failure_data_for_node("custom_object_instances")
    assert failure is not None
    assert "INTERCOM_CUSTOM_OBJECT_TYPES" in str(failure.user_failure_data)


@pytest.mark.long
def test_answers_of_one_run_may_come_in_different_seconds(project: Project) -> None:
    project.run("teams")
    project.sandbox.latency = 0.6
    project.settings["max_concurrency"] = 1
    project.run("team_metrics")
    moments = project.query("select count(distinct observed_at) from intercom.team_metrics")
    assert moments > [(1,)]
    assert project.differences("team_metrics") == {}
