"""Steps of a run, each in a thread of its own, and how they are stopped."""

import ctypes
import sys
import threading
import time
from collections.abc import Iterable
from queue import SimpleQueue
from typing import NamedTuple

from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import StepExecutionContext
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.execution.plan.objects import ErrorSource, step_failure_event_from_exc_info

# How long a cancelled run waits for its steps to notice.
STOP_SECONDS = 5.0


class Over(NamedTuple):
    """What a step's thread says last: what it raised, if Dagster wants that raised."""

    problem: BaseException | None


class StepThread:
    """A step in a thread of its own. It starts at once, and puts its events into a queue."""

    def __init__(self, context: StepExecutionContext, news: "News") -> None:
        self.context = context
        self.events: list[DagsterEvent] = []
        # How it ended: succeeded, failed, or to be repeated.
        self.outcome: DagsterEvent | None = None
        self._news = news
        # A daemon: a request that Intercom leaves hanging must not keep a cancelled run alive.
        self._thread = threading.Thread(target=self._run, name=context.step.key, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        problem = None
        try:
            for event in dagster_event_sequence_for_step(self.context):
                self._news.put((self, event))
        except BaseException as raised:  # raised again by the main thread
            problem = raised
        self._news.put((self, Over(problem)))

    def take(self, event: DagsterEvent) -> None:
        """Keeps an event that the step has told."""
        self.events.append(event)
        if event.is_step_success or event.is_step_failure or event.is_step_up_for_retry:
            self.outcome = event

    def interrupt(self) -> None:
        """Has the step raise what an interrupt raises, as soon as it runs Python code again."""
        if not self._thread.is_alive():
            return  # its number may be another thread's by now
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self._thread.ident or 0),
            ctypes.py_object(DagsterExecutionInterruptedError),
        )

    def ended_by(self, deadline: float) -> bool:
        """Whether the step has ended by a moment of the monotonic clock."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()


News = SimpleQueue[tuple[StepThread, DagsterEvent | Over]]


def stop(steps: Iterable[StepThread], news: News) -> list[DagsterEvent]:
    """Ends steps that run, and gives what they still had to say.

    Those that do not notice in time are left behind, and told as failed.
    """
    steps = list(steps)
    for step in steps:
        step.interrupt()
    deadline = time.monotonic() + STOP_SECONDS
    late = [step for step in steps if not step.ended_by(deadline)]
    events = []
    while not news.empty():
        step, item = news.get()
        if isinstance(item, DagsterEvent):
            step.take(item)
            events.append(item)
    for step in late:
        if step.outcome is None:
            failure = step_failure_event_from_exc_info(
                step.context, sys.exc_info(), error_source=ErrorSource.INTERRUPT
            )
            step.take(failure)
            events.append(failure)
    return events
