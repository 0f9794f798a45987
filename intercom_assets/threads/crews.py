"""Threads that wait for work, and calls that run in them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

R = TypeVar("R")

# How long somebody may wait for another thread at a stretch: a run that is cancelled interrupts a
# thread between two waits.
INTERRUPTIBLE_SECONDS = 1.0


class Crew:
    """Threads that stay for the next work of a kind when they have done theirs.

    What a thread allocates comes from a share of the memory that a few threads have in common and
    that seldom shrinks, so each kind of work that needs much should keep to its own few.
    """

    def __init__(self) -> None:
        # The threads without work, by what it is put into.
        self._idle: list[SimpleQueue[Callable[[], None]]] = []
        # They do not live on in a forked process.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._idle.clear)

    def start(self, work: Callable[[], None]) -> None:
        """Runs work in a thread, of those that an earlier one has left if there is one.

        It runs in the caller's context, so that what it logs is told from others' lines.
        """
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            # A daemon: a request that Intercom leaves hanging must not keep a cancelled run alive.
            threading.Thread(target=self._serve, args=(inbox,), daemon=True).start()
        inbox.put(partial(copy_context().run, work))

    def _serve(self, inbox: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            inbox.get()()
            self._idle.append(inbox)


# Who reads from Intercom, and who writes to the database.
READERS, WRITERS = Crew(), Crew()


def in_background(call: Callable[[], R], crew: Crew = READERS) -> Callable[[], R]:
    """Starts a call in a thread; what it returns waits for its result, or raises its error."""
    future: Future[R] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as problem:  # raised again by whoever asks for the result
            future.set_exception(problem)

    def result() -> R:
        # Not for ever at a stretch, like the consumer of a pool.
        while not wait([future], INTERRUPTIBLE_SECONDS).done:
            pass
        return future.result()

    crew.start(work)
    return result
