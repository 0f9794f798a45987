"""Runs generators side by side and hands on what they yield, in constant memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
Task = Callable[[], Iterable[T]]

# What may wait for the writer, in bytes as they came from Intercom.
QUEUE_BYTES = 32 * 1024 * 1024


def overlap(
    tasks: Iterable[Task[T]], workers: int, size: Callable[[T], int] = lambda item: 0
) -> Iterator[T]:
    """Yields what the tasks yield, in order of completion, from up to ``workers`` threads.

    Args:
        tasks: Taken one by one, as threads come free.
        workers: Threads at the most.
        size: Bytes of an item; producers wait while more than `QUEUE_BYTES` are not yet taken.

    Raises:
        BaseException: The first that a task raised; the other tasks are then abandoned.
    """
    queue: _ByteQueue[T] = _ByteQueue(size)
    source = iter(tasks)
    source_lock = threading.Lock()

    def work() -> None:
        try:
            while not queue.closed:
                with source_lock:
                    task = next(source, None)
                if task is None:
                    return
                for item in task():
                    if not queue.put(item):
                        return
        except BaseException as problem:  # raised again by the consumer
            queue.fail(problem)
        finally:
            queue.producer_done()

    # Daemons: a request that Intercom leaves hanging must not keep a cancelled run alive.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(max(1, workers))]
    queue.expect(len(threads))
    for thread in threads:
        thread.start()
    try:
        yield from queue.drain()
    finally:
        queue.close()


class _ByteQueue(Generic[T]):
    """A queue bounded by the bytes in it; always takes one item, however large."""

    def __init__(self, size: Callable[[T], int]) -> None:
        self._size = size
        self._items: deque[T] = deque()
        self._bytes = 0
        self._producers = 0
        self._problem: BaseException | None = None
        self._changed = threading.Condition()
        self.closed = False

    def expect(self, producers: int) -> None:
        self._producers = producers

    def producer_done(self) -> None:
        with self._changed:
            self._producers -= 1
            self._changed.notify_all()

    def fail(self, problem: BaseException) -> None:
        with self._changed:
            self._problem = self._problem or problem
            self.closed = True
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def put(self, item: T) -> bool:
        """Adds an item once there is room; False if nobody wants it any more."""
        with self._changed:
            while self._items and self._bytes >= QUEUE_BYTES and not self.closed:
                self._changed.wait()
            if self.closed:
                return False
            self._items.append(item)
            self._bytes += self._size(item)
            self._changed.notify_all()
            return True

    def drain(self) -> Iterator[T]:
        while True:
            with self._changed:
                while not self._items and self._producers and not self._problem:
                    self._changed.wait()
                if self._problem:
                    raise self._problem
                if not self._items:
                    return
                item = self._items.popleft()
                self._bytes -= self._size(item)
                self._changed.notify_all()
            yield item
