"""Odd values land beside their column; a column changes its type when its values have changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests import test_rules_guards
from intercom_assets_tests.conftest import Project
from intercom_assets_tests.test_rules_guards import MONDAY, Things, things

__all__ = ["things"]  # a fixture
TIME = {"seen_at": {"type": ["null", "string"], "format": "date-time"}}
SCHEMA = {"properties": {**test_rules_guards.SCHEMA["properties"], **TIME}}
MERGED = replace(test_rules_guards.MERGED, schema=SCHEMA)
REPLACED = replace(test_rules_guards.REPLACED, schema=SCHEMA)


def row(id: int, **fields: Any) -> dict[str, Any]:
    return {"id": str(id), "name": str(id), "updated_at": MONDAY, "count": 1, **fields}


def kind_of(things: Things, column: str) -> str:
    return dict(each[:2] for each in things.query("describe intercom.things"))[column]


@pytest.mark.long
@pytest.mark.parametrize("moment", [-62135769600, 10**18, "0000-00-00T00:00:00Z"])
def test_a_time_of_no_calendar_lands_beside_its_column_and_is_told(
    sandbox: Sandbox, project: Project, moment: Any
) -> None:
    first, second = list(sandbox.workspace.contacts)[:2]
    sandbox.workspace.update("contacts", first, signed_up_at=moment)
    project.run("contacts")
    assert project.query(
        "select id, signed_up_at, _unparsed from intercom.contacts where _unparsed is not null"
    ) == [(first, None, json.dumps({"signed_up_at": moment}, separators=(",", ":")))]
    told = project.metadata("contacts")
    assert told["intercom/unparsed_values"] == {"signed_up_at": 1}
    assert "_unparsed" in told["intercom/new_columns"]
    assert project.differences("contacts") == {}
    # As if the first had been corrected; and the second comes while the column is there.
    sandbox.workspace.clock.advance(3_600)
    sandbox.workspace.update("contacts", first, signed_up_at=1_700_000_000)
    sandbox.workspace.update("contacts", second, signed_up_at=moment)
    project.run("contacts")
    assert project.differences("contacts") == {}
    assert project.query(
        "select id, signed_up_at from intercom.contacts where _unparsed is not null"
    ) == [(second, None)]


@pytest.mark.parametrize("spec", [MERGED, REPLACED], ids=["merged", "replaced"])
def test_however_many_times_are_of_no_calendar_the_column_stays_a_time(
    things: Things, spec: Any
) -> None:
    rows = [row(id, seen_at=-62135769600) for id in range(9)]
    for _ in range(2):
        landing = things.land(*rows, spec=spec)
        assert landing.changes.widened == {} and landing.changes.unparsed["seen_at"] == 9
    assert landing.changes.unchanged == 9
    assert kind_of(things, "seen_at") == "TIMESTAMP WITH TIME ZONE"


@pytest.mark.parametrize("odd", ["many", {"a": 1}, 1.5, True, 2**63])
def test_a_few_odd_values_among_others_never_change_a_column(things: Things, odd: Any) -> None:
    for _ in range(3):
        things.land(*(row(id, count=odd if id % 3 == 0 else id) for id in range(12)))
    assert kind_of(things, "count") == "BIGINT"
    assert things.query("select count(count), count(_unparsed) from intercom.things") == [(8, 4)]


def test_the_same_odd_record_again_and_again_does_not_change_a_column(things: Things) -> None:
    things.land(*(row(id) for id in range(5)))
    for _ in range(4):
        landing = things.land(row(1, count="many"), row(2, count="many"))
    assert kind_of(things, "count") == "BIGINT"
    assert landing.changes.unchanged == 2


def test_values_that_have_changed_their_kind_one_load_at_a_time_widen_their_column(
    things: Things,
) -> None:
    """And what lay beside it then lies in it."""
    things.land(*(row(id) for id in range(5)))
    things.land(row(1, count="many", updated_at=-62135769600))
    things.land(row(2, count={"n": 5}))
    assert kind_of(things, "count") == "BIGINT"
    assert things.land(row(3, count="few")).changes.widened == {"count": "VARCHAR"}
    found = "select id, count, _unparsed from intercom.things where id in ('1', '2', '3', '4')"
    assert things.query(f"{found} order by id") == [
        ("1", "many", '{"updated_at":-62135769600}'),
        ("2", '{"n":5}', None),
        ("3", "few", None),
        ("4", "1", None),
    ]


def test_a_field_that_is_called_as_our_column_has_one_of_its_own(things: Things) -> None:
    for _ in range(2):
        landing = things.land(row(1, seen_at=10**18, _unparsed="theirs"), spec=MERGED)
    assert landing.changes.unchanged == 1
    assert things.rows("_unparsed, _unparsed__2") == [
        ('{"seen_at":1000000000000000000}', '"theirs"')
    ]


def test_a_key_is_never_set_aside(things: Things) -> None:
    things.land({"id": "1", "name": "a"}, {"id": {"odd": 1}, "name": "b"})
    assert things.rows("id, name") == [('"1"', "a"), ('{"odd":1}', "b")]
