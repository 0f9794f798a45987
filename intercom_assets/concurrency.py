"""Runs generators side by side and hands on what they yield, in constant memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Task = Callable[[], "Iterable[T | Spawn]"]

# What may wait for the writer, in bytes as they came from Intercom; decoded it is ten times that.
QUEUE_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class Spawn:
    """What a task yields to have further tasks run.

    Attributes:
        tasks: The tasks; the first of them is the next to be started.
    """

    tasks: Sequence[Callable[[], Iterable[Any]]]


def overlap(
    tasks: Iterable[Task[T]], workers: int, size: Callable[[T], int] = lambda item: 0
) -> Iterator[T]:
    """Yields what the tasks yield, in order of completion, from up to ``workers`` threads.

    Args:
        tasks: Taken one by one, as threads come free. A task may yield `Spawn` for more of them.
        workers: Threads at the most.
        size: Bytes of an item; producers wait while more than `QUEUE_BYTES` are not yet taken.

    Raises:
        BaseException: The first that a task raised; the other tasks are then abandoned.
    """
    pool = _Pool(tasks, max(1, workers), size)
    # Daemons: a request that Intercom leaves hanging must not keep a cancelled run alive.
    for _ in range(pool.workers):
        threading.Thread(target=pool.work, daemon=True).start()
    try:
        yield from pool.drain()
    finally:
        pool.close()


def in_background(call: Callable[[], R]) -> Callable[[], R]:
    """Starts a call in a thread; what it returns waits for its result, or raises its error."""
    future: Future[R] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as problem:  # raised again by whoever asks for the result
            future.set_exception(problem)

    threading.Thread(target=work, daemon=True).start()
    return future.result


class _Pool(Generic[T]):
    """Tasks to be run and items to be taken; the items are bounded by their bytes."""

    def __init__(self, tasks: Iterable[Task[T]], workers: int, size: Callable[[T], int]) -> None:
        self.workers = workers
        self._source = iter(tasks)
        self._spawned: list[Task[T]] = []
        self._running = 0
        self._size = size
        self._items: deque[T] = deque()
        self._bytes = 0
        self._problem: BaseException | None = None
        self._closed = False
        self._changed = threading.Condition()

    def work(self) -> None:
        """Runs task after task; what a thread does."""
        try:
            while task := self._next_task():
                for item in task():
                    if isinstance(item, Spawn):
                        self._spawn(item.tasks)
                    elif not self._put(item):
                        return
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()
        except BaseException as problem:  # raised again by the consumer
            with self._changed:
                self._problem = self._problem or problem
                self._changed.notify_all()
        finally:
            with self._changed:
                self.workers -= 1
                self._changed.notify_all()

    def drain(self) -> Iterator[T]:
        """Yields items until all tasks are done."""
        while True:
            with self._changed:
                while not self._items and self.workers and not self._problem:
                    self._changed.wait()
                if self._problem:
                    raise self._problem
                if not self._items:
                    return
                item = self._items.popleft()
                self._bytes -= self._size(item)
                self._changed.notify_all()
            yield item

    def close(self) -> None:
        """Lets the threads end, as soon as the request that each is at allows."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next_task(self) -> Task[T] | None:
        with self._changed:
            while not self._closed and self._problem is None:
                task = self._spawned.pop() if self._spawned else next(self._source, None)
                if task is not None:
                    self._running += 1
                    return task
                if not self._running:
                    return None
                self._changed.wait()
            return None

    def _spawn(self, tasks: Sequence[Task[T]]) -> None:
        with self._changed:
            self._spawned += reversed(tasks)
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        """Adds an item once there is room; False if nobody wants it any more."""
        with self._changed:
            # One item is always let in, however large.
            while self._items and self._bytes >= QUEUE_BYTES and not self._closed:
                self._changed.wait()
            if self._closed or self._problem:
                return False
            self._items.append(item)
            self._bytes += self._size(item)
            self._changed.notify_all()
            return True
