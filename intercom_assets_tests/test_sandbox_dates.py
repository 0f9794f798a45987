"""The sandbox compares times as Intercom does: contacts by day, conversations by second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from intercom_assets.sandbox import Sandbox, Workspace
from intercom_assets_tests.sandbox_api import Api, code, updated

SMALL: dict[str, Any] = {"contacts": 40, "companies": 5, "conversations": 30}
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(**SMALL) as sandbox:
        yield sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


def place(workspace: Workspace, *times: int) -> list[str]:
    """Moves all contacts to 2001, but some to the given times; tells which."""
    ids = sorted(workspace.contacts)
    for id in ids:
        workspace.update("contacts", id, updated_at=1_000_000_000)
    for id, at in zip(ids, times, strict=False):
        workspace.update("contacts", id, updated_at=at)
    return ids[: len(times)]


def moment(year: int, month: int, day: int, *time: int) -> int:
    """A time on New York's clocks, in epoch seconds."""
    return int(datetime(year, month, day, *time).replace(tzinfo=NEW_YORK).timestamp())


def test_contacts_are_found_by_day_in_the_timezone_of_the_workspace(
    api: Api, sandbox: Sandbox
) -> None:
    early, late, next_day = place(
        sandbox.workspace,
        moment(2025, 7, 10, 0, 0, 0),
        moment(2025, 7, 10, 23, 59, 59),
        moment(2025, 7, 11, 0, 0, 0),
    )
    noon = moment(2025, 7, 10, 12)
    assert api.ids("contacts", updated("=", noon)) == [early, late]
    assert api.ids("contacts", updated(">", noon)) == [next_day]
    before = api.ids("contacts", updated("<", noon))
    assert len(before) == SMALL["contacts"] - 3
    assert not {early, late, next_day} & set(before)
    # The whole of today is missing below an upper bound of now.
    assert early not in api.ids("contacts", updated("<", moment(2025, 7, 10, 23, 59, 59)))


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 9, 23), (11, 2, 25)])
def test_days_have_23_or_25_hours_when_the_clocks_change(
    api: Api, sandbox: Sandbox, month: int, day: int, hours: int
) -> None:
    start = moment(2025, month, day)
    place(sandbox.workspace, start - 1, start, start + hours * 3600 - 1, start + hours * 3600)
    ids = sorted(sandbox.workspace.contacts)
    assert api.ids("contacts", updated("=", start + 3 * 3600)) == ids[1:3]
    assert api.ids("contacts", updated(">", start)) == ids[3:4]
    assert ids[0] in api.ids("contacts", updated("<", start + 80_000))


@pytest.mark.parametrize("operator", ["!=", ">=", "<=", "IN", "NIN"])
def test_days_know_three_operators(api: Api, operator: str) -> None:
    value = [1] if "IN" in operator else 1
    assert code(api.search("contacts", updated(operator, value))) == (400, "parameter_invalid")


@pytest.mark.parametrize("version", ["2.17", "Preview"])
def test_newer_versions_find_contacts_by_the_second(sandbox: Sandbox, version: str) -> None:
    at = moment(2025, 7, 10, 12)
    before, exact, after = place(sandbox.workspace, at - 1, at, at + 1)
    with Api(sandbox, version) as api:
        assert api.ids("contacts", updated(">", at)) == [after]
        assert api.ids("contacts", updated(">=", at)) == [exact, after]
        assert api.ids("contacts", updated("=", at)) == [exact]
        assert before in api.ids("contacts", updated("<", at))
        assert exact not in api.ids("contacts", updated("!=", at))
        assert code(api.search("contacts", updated("IN", [at]))) == (400, "parameter_invalid")


def test_conversations_are_found_by_the_second_and_strictly(api: Api, sandbox: Sandbox) -> None:
    records = sorted(
        sandbox.workspace.conversations.values(), key=lambda r: (r["updated_at"], r["id"])
    )
    first, last = records[5]["updated_at"], records[15]["updated_at"]
    for operators, inside in [
        ((">", "<"), lambda at: first < at < last),
        ((">=", "<="), lambda at: first <= at <= last),
    ]:
        bounds = [updated(operators[0], first), updated(operators[1], str(last))]
        found = api.ids("conversations", {"operator": "AND", "value": bounds}, per_page=3)
        assert found == [r["id"] for r in records if inside(r["updated_at"])]
    exact = api.ids("conversations", updated("=", first))
    assert exact == [r["id"] for r in records if r["updated_at"] == first]
