"""Runs generators side by side and hands on what they yield, in constant memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TypeVar

from intercom_assets.threads.crews import INTERRUPTIBLE_SECONDS, READERS

T = TypeVar("T")
Task = Callable[[], "Iterable[T | Spawn]"]

# What may wait for the writer, in bytes as they came from Intercom; decoded it is ten times that.
QUEUE_BYTES = 1 * 1024 * 1024
# With what is still to come of the tasks under way.
EXPECTED_BYTES = 5 * 512 * 1024
# What an item is taken for before the first ones have come.
FIRST_GUESS_BYTES = 128 * 1024


@dataclass(frozen=True)
class Spawn:
    """What a task yields to have further tasks run.

    Attributes:
        tasks: The tasks; the first of them is the next to be started.
    """

    tasks: Sequence[Callable[[], Iterable[Any]]]


def overlap(
    tasks: Iterable[Task[T]],
    workers: int | Callable[[], int],
    size: Callable[[T], int] = lambda item: 0,
) -> Iterator[T]:
    """Yields what the tasks yield, in order of completion, from up to ``workers`` threads.

    Args:
        tasks: Taken one by one, as threads come free. A task may yield `Spawn` for more of them.
        workers: Threads at the most, or who tells it, and is asked as tasks begin. As long as it is
            0, tasks run in the caller's thread, one after the other.
        size: Bytes of an item; producers wait while more than `QUEUE_BYTES` are not yet taken, and
            no task is started while more than `EXPECTED_BYTES` are likely to come.

    Raises:
        BaseException: The first that a task raised; the other tasks are then abandoned.
    """
    most = workers if callable(workers) else lambda: workers
    source = iter(tasks)
    spawned: deque[Task[T]] = deque()
    while most() < 1:
        task = spawned.popleft() if spawned else next(source, None)
        if task is None:
            return
        further: list[Task[T]] = []
        yield from _items(task, further)
        spawned.extendleft(reversed(further))
    pool = _Pool(chain(spawned, source), most, size)
    READERS.start(pool.work)
    try:
        yield from pool.drain()
    finally:
        pool.close()


def _items(task: Task[T], further: list[Task[T]]) -> Iterator[T]:
    """What a task yields; the tasks among it are gathered."""
    for item in task():
        if isinstance(item, Spawn):
            further += item.tasks
        else:
            yield item


# The pool that a thread works for, and the bytes of what it has decoded and not handed over yet.
_here = threading.local()


def wait_for_room(size: int) -> None:
    """Waits until an answer may be decoded; where no pool bounds the thread's work, at once.

    Decoded, an answer takes ten times its bytes. How large answers are is known only when they are
    here, and then many of them may be.

    Args:
        size: The answer's bytes.
    """
    pool: _Pool[Any] | None = getattr(_here, "pool", None)
    if pool is not None:
        # Who holds something already must not wait for others, who may wait for it.
        pool.admit(size, wait=not _here.decoded)
        _here.decoded += size


class _Pool(Generic[T]):
    """Tasks to be run and items to be taken; the items are bounded by their bytes."""

    def __init__(
        self, tasks: Iterable[Task[T]], most: Callable[[], int], size: Callable[[T], int]
    ) -> None:
        self._most = most
        self.workers = 1
        self._idle = 0
        self._source = iter(tasks)
        self._spawned: list[Task[T]] = []
        self._running = 0
        self._size = size
        self._items: deque[T] = deque()
        self._bytes = self._decoded = 0
        self._usual_size = float(FIRST_GUESS_BYTES)
        self._problem: BaseException | None = None
        self._closed = False
        lock = threading.Lock()
        # What producers wait for with an item and with an answer, what the consumer waits for, and
        # what threads without a task wait for; all of them for the end.
        self._room = threading.Condition(lock)
        self._admission = threading.Condition(lock)
        self._news = threading.Condition(lock)
        self._more_tasks = threading.Condition(lock)

    def work(self) -> None:
        """Runs task after task; what a thread does."""
        _here.pool, _here.decoded = self, 0
        try:
            while (task := self._next_task()) and self._do(task):
                pass
        except BaseException as problem:  # raised again by the consumer
            with self._news:
                self._problem = self._problem or problem
        finally:
            _here.pool = None
            with self._news:
                self.workers -= 1
                if self._problem or not self.workers:
                    self._wake_all()

    def _do(self, task: Task[T]) -> bool:
        """Runs a task; False if nobody wants what it gives any more."""
        # In a function of its own: a thread that waits must not hold on to its last item.
        for item in task():
            if isinstance(item, Spawn):
                self._spawn(item.tasks)
            elif not self._put(item):
                return False
        with self._more_tasks:
            self._running -= 1
            self._hand_over()
            self._more_tasks.notify_all()
        return True

    def drain(self) -> Iterator[T]:
        """Yields items until all tasks are done."""
        while True:
            with self._news:
                while not self._items and self.workers and not self._problem:
                    # Not for ever: a run that is cancelled interrupts a thread between two waits.
                    self._news.wait(INTERRUPTIBLE_SECONDS)
                if self._problem:
                    raise self._problem
                if not self._items:
                    return
                item = self._items.popleft()
                self._bytes -= self._size(item)
                self._room.notify()
                self._admission.notify()
                self._more_tasks.notify()
            yield item

    def close(self) -> None:
        """Lets the threads end, as soon as the request that each is at allows."""
        with self._news:
            self._closed = True
            self._wake_all()

    def _wake_all(self) -> None:
        for condition in (self._room, self._admission, self._news, self._more_tasks):
            condition.notify_all()

    def _next_task(self) -> Task[T] | None:
        with self._more_tasks:
            while not self._closed and self._problem is None:
                if self._has_room():
                    task = self._spawned.pop() if self._spawned else next(self._source, None)
                    if task is not None:
                        self._running += 1
                        self._call_another()
                        return task
                    if not self._running:
                        return None
                self._idle += 1
                self._more_tasks.wait()
                self._idle -= 1
            return None

    def _call_another(self) -> None:
        """Adds a thread for the next task, if all are busy."""
        if not self._idle and self.workers < self._most():
            self.workers += 1
            READERS.start(self.work)

    def _has_room(self) -> bool:
        """Whether what waits and what the running tasks will bring leaves room for one more."""
        expected = self._bytes + self._usual_size * (self._running + 1)
        return not self._running or expected <= EXPECTED_BYTES

    def _spawn(self, tasks: Sequence[Task[T]]) -> None:
        with self._more_tasks:
            self._spawned += reversed(tasks)
            self._more_tasks.notify_all()

    def admit(self, size: int, wait: bool) -> None:
        """Counts an answer as decoded, once what is not taken yet leaves room for it."""
        with self._admission:
            # One answer is always let in, however large.
            while (
                wait
                and self._decoded
                and self._decoded + self._bytes + size > EXPECTED_BYTES
                and not (self._closed or self._problem)
            ):
                self._admission.wait()
            self._decoded += size

    def _hand_over(self) -> None:
        """What this thread has decoded counts as an item from now on, or is gone."""
        self._decoded -= _here.decoded
        _here.decoded = 0
        self._admission.notify()

    def _put(self, item: T) -> bool:
        """Adds an item once there is room; False if nobody wants it any more."""
        with self._room:
            # One item is always let in, however large.
            while self._items and self._bytes >= QUEUE_BYTES and not self._closed:
                self._room.wait()
            self._hand_over()
            if self._closed or self._problem:
                return False
            self._items.append(item)
            size = self._size(item)
            self._bytes += size
            self._usual_size += (size - self._usual_size) / 8
            self._news.notify()
            return True
