"""Every stream: what the sandbox holds is what lands, and a second time only what changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets.streams.selection import choose
from intercom_assets_tests.conftest import Project

# Each run adds what Intercom told it.
SNAPSHOTS = {"team_metrics"}


@pytest.fixture
def whole(make_project: Callable[..., Project], sandbox: Sandbox) -> Project:
    """A project that can read all there is, off streams as well."""
    return make_project(sandbox, custom_object_types="Order,Abonnement")


def test_each_table_agrees_with_the_sandbox_at_first_and_after_a_busy_minute(
    whole: Project,
) -> None:
    space = whole.sandbox.workspace
    users = [id for id, contact in space.contacts.items() if contact["role"] == "user"]
    space.merge_contacts(users[0], users[1])
    space.delete("conversations", next(reversed(space.conversations)))
    side = {"side_conversation_id": "7001", "conversation_parts": [], "total_count": 0}
    space.attach(next(iter(space.conversations)), "side_conversations", side)
    whole.run(*STREAMS)
    assert whole.differences(*STREAMS) == {}
    rows = {name: whole.query(f"select count(*) from intercom.{name}")[0][0] for name in STREAMS}
    assert [name for name in STREAMS if not rows[name]] == [], "nothing would be compared"

    space.change(6)
    whole.run(*STREAMS)
    # A company that changes does not move the contacts whose lists show it.
    assert whole.differences(*(name for name in STREAMS if name != "contacts")) == {}


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
