"""Generators side by side: what waits for the consumer, and what is decoded, is bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from itertools import islice

import pytest

from intercom_assets.threads.overlap import EXPECTED_BYTES, Spawn, overlap, wait_for_room

PATIENCE = 30.0


class Decoding:
    """Counts who is between the decoding of an answer and its handing over."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.now = self.most = 0
        self._changed = threading.Condition()

    def task(self) -> Iterator[int]:
        """Gets an answer, and hands it over once a second one is decoded too, if it ever is."""
        wait_for_room(self.size)
        with self._changed:
            self.now += 1
            self.most = max(self.most, self.now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.now > 1, timeout=0.05)
            self.now -= 1
        yield self.size


def test_large_answers_are_decoded_one_at_a_time() -> None:
    decoding = Decoding(EXPECTED_BYTES // 2 + 1)
    items = list(overlap([decoding.task] * 8, 8, lambda size: size))
    assert items == [decoding.size] * 8
    assert decoding.most == 1


def test_an_answer_larger_than_all_that_may_wait_gets_through() -> None:
    decoding = Decoding(10 * EXPECTED_BYTES)
    assert len(list(overlap([decoding.task] * 4, 4, lambda size: size))) == 4


def test_small_answers_are_decoded_side_by_side() -> None:
    barrier = threading.Barrier(4)

    def task() -> Iterator[int]:
        wait_for_room(EXPECTED_BYTES // 8)
        barrier.wait(PATIENCE)
        yield EXPECTED_BYTES // 8

    assert len(list(overlap([task] * 4, 4, lambda size: size))) == 4


def test_who_waits_for_room_goes_on_when_an_answer_comes_to_nothing() -> None:
    """As with a conversation that is gone: it was read, and there is nothing to hand over."""

    def task() -> Iterator[int]:
        wait_for_room(EXPECTED_BYTES)
        yield from ()

    assert list(overlap([task] * 6, 6)) == []


def test_who_waits_for_room_ends_with_the_consumer() -> None:
    ended = threading.Semaphore(0)

    def task() -> Iterator[int]:
        try:
            wait_for_room(EXPECTED_BYTES)
            yield EXPECTED_BYTES
        finally:
            ended.release()

    pool = overlap([task] * 3, 3, lambda size: size)
    assert list(islice(pool, 1)) == [EXPECTED_BYTES]
    pool.close()  # type: ignore[attr-defined]
    # Of the others those that had begun end as well, rather than wait for ever.
    assert ended.acquire(timeout=PATIENCE)


def test_the_first_problem_ends_all() -> None:
    def bad() -> Iterator[int]:
        wait_for_room(EXPECTED_BYTES)
        raise ValueError("no JSON")
        yield 0

    with pytest.raises(ValueError, match="no JSON"):
        list(overlap([bad] * 5, 5))


def test_a_task_of_several_answers_waits_for_nobody_who_waits_for_it() -> None:
    """Such as a list of several pages, or an answer that was cut off and is asked for again."""

    def task() -> Iterator[int]:
        for _ in range(3):
            wait_for_room(EXPECTED_BYTES // 2)
        yield EXPECTED_BYTES

    assert len(list(overlap([task] * 16, 16, lambda size: size))) == 16


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_tasks_that_a_task_yields_are_run_too(workers: int) -> None:
    def task(number: int) -> Iterator[int | Spawn]:
        if number < 4:
            yield Spawn([partial(task, 2 * number), partial(task, 2 * number + 1)])
        yield number

    assert sorted(overlap([partial(task, 1)], workers)) == list(range(1, 8))


def test_without_workers_tasks_run_in_the_callers_thread_one_after_the_other() -> None:
    here: list[int] = []

    def task(number: int) -> Iterator[int]:
        here.append(threading.get_ident())
        yield number

    taken = overlap((partial(task, number) for number in range(3)), 0)
    assert next(taken) == 0
    assert here == [threading.get_ident()]
    assert list(taken) == [1, 2]
    assert set(here) == {threading.get_ident()}


def test_threads_come_once_they_are_worth_having() -> None:
    worth = [0]

    def task(number: int) -> Iterator[tuple[int, int]]:
        yield number, threading.get_ident()

    taken = overlap([partial(task, number) for number in range(4)], lambda: worth[0])
    first = [next(taken), next(taken)]
    worth[0] = 2
    others = sorted(taken)
    assert [number for number, _ in first + others] == [0, 1, 2, 3]
    assert {thread for _, thread in first} == {threading.get_ident()}
    assert threading.get_ident() not in {thread for _, thread in others}
