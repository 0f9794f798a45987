"""The state as a set of complete intervals (rule 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intercom_assets.streams.state import DESCENDING, SyncState, Walk

moments = st.integers(0, 300)
intervals = st.lists(st.tuples(moments, moments), max_size=8)


def state_of(parts: list[tuple[int, int]], since: int = 0) -> SyncState:
    state = SyncState(since=since)
    for start, end in parts:
        state = state.with_complete(start, end)
    return state


@given(intervals)
def test_rule_8_windows_may_be_committed_in_any_order(parts: list[tuple[int, int]]) -> None:
    assert state_of(parts) == state_of(list(reversed(parts)))


@given(intervals, moments)
def test_rule_8_the_bookmark_is_the_end_of_the_unbroken_stretch(
    parts: list[tuple[int, int]], since: int
) -> None:
    covered = {moment for start, end in parts for moment in range(start, end)}
    expected = since
    while expected in covered:
        expected += 1
    assert state_of(parts, since).bookmark == expected


@given(intervals, moments, moments, st.integers(0, 20))
def test_rule_8_gaps_and_what_is_complete_are_everything(
    parts: list[tuple[int, int]], since: int, until: int, lookback: int
) -> None:
    state = state_of(parts, since)
    wanted = {m for start, end in state.gaps(until, lookback) for m in range(start, end)}
    covered = {m for start, end in state.complete for m in range(start, end)}
    assert wanted | covered >= set(range(since, until))
    assert all(since <= moment < until for moment in wanted)


def test_the_lookback_is_read_again_before_every_end() -> None:
    state = state_of([(0, 100), (150, 200)])
    assert state.gaps(220, 10) == [(90, 150), (190, 220)]


def test_rule_8_an_earlier_start_date_is_a_gap_to_fill() -> None:
    state = SyncState(since=50, complete=((100, 200),))
    assert state.bookmark == 50
    assert state.gaps(200, 0) == [(50, 100)]


def test_an_open_walk_is_not_planned_again_but_its_newest_end_is() -> None:
    state = SyncState(complete=((0, 50),)).with_walk(Walk(40, 100, DESCENDING, cursor="c"))
    assert state.gaps(150, 10) == [(90, 150)]


def test_set_back_forgets_only_what_lies_after() -> None:
    state = state_of([(0, 100), (150, 200)]).back_to(60)
    assert state.complete == ((0, 60),)
    assert state.bookmark == 60


@given(intervals, moments)
def test_json_keeps_the_state(parts: list[tuple[int, int]], since: int) -> None:
    state = state_of(parts, since).with_walk(Walk(1, 2, cursor="abc"))
    assert SyncState.from_json(state.to_json()) == state


@pytest.mark.parametrize("value", [{}, {"since": "x", "complete": []}, {"since": 0}])
def test_a_damaged_state_is_named(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a"):
        SyncState.from_json(value)
