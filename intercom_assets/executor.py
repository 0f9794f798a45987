"""An executor that runs the steps of a run side by side, in threads of one process.

Of Dagster's own two, the in-process executor runs one step after the other, and the multiprocess
executor starts a process for each, which costs seconds where reading a list costs a tenth of one.
Streams wait for Intercom most of their time, so threads overlap them at no such price; and they
share one client, and with it one view of the rate limit.

What Dagster does for one step is its own code; here is only which steps run, and in which thread.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import dagster as dg
from dagster._core.errors import raise_execution_interrupts
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.context.system import (
    PlanExecutionContext,
    PlanOrchestrationContext,
)
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.execute_plan import (
    _trigger_hook,
)
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode, get_retries_config

from intercom_assets.step_threads import News, StepThread, stop

# Steps at once: the four streams that are worth reading side by side. Each needs some memory.
MAX_CONCURRENT = 4
# How often to look whether a pool has room again, or a step's time to be repeated has come.
LOOK_AGAIN_SECONDS = 0.5


@dg.executor(
    name="threads",
    config_schema={
        "retries": get_retries_config(),  # type: ignore[no-untyped-call]
        "max_concurrent": dg.Field(
            int, default_value=MAX_CONCURRENT, description="How many steps run at once."
        ),
    },
)
def threads_executor(context: dg.InitExecutorContext) -> dg.Executor:
    """Runs steps side by side in threads of the run's process; takes ``max_concurrent``, 4.

    Assets that are async functions need another executor: Dagster gives a run one event loop.
    """
    config: Any = context.executor_config
    retries = RetryMode.from_config(config["retries"]) or RetryMode.ENABLED
    return ThreadsExecutor(retries, config["max_concurrent"])


class ThreadsExecutor(dg.Executor):
    """Runs steps side by side.

    Args:
        retries: Whether steps that ask to be repeated are.
        max_concurrent: Steps at once, at the most.
    """

    def __init__(self, retries: RetryMode, max_concurrent: int) -> None:
        self._retries = retries
        self._max_concurrent = max_concurrent

    @property
    def retries(self) -> RetryMode:
        """Whether steps that ask to be repeated are."""
        return self._retries

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """Yields the events of a run's steps, as they come."""
        about = EngineEventData.in_process(os.getpid(), execution_plan.step_keys_to_execute)
        yield DagsterEvent.engine_event(
            plan_context,
            f"Executing steps in up to {self._max_concurrent} threads (pid: {os.getpid()})",
            event_specific_data=about,
        )
        began = time.monotonic()
        yield from ExecuteRunWithPlanIterable(
            execution_plan=execution_plan,
            iterator=partial(_run_all, max_concurrent=self._max_concurrent),
            execution_context_manager=PlanExecutionContextManager(
                job=plan_context.job,
                retry_mode=plan_context.retry_mode,
                execution_plan=execution_plan,
                run_config=plan_context.run_config,
                dagster_run=plan_context.dagster_run,
                instance=plan_context.instance,
                raise_on_error=plan_context.raise_on_error,
                output_capture=plan_context.output_capture,
            ),
        )
        yield DagsterEvent.engine_event(
            plan_context,
            f"Finished steps in threads (pid: {os.getpid()}) in {time.monotonic() - began:.2f}s",
            event_specific_data=about,
        )


def _run_all(
    job_context: PlanExecutionContext, execution_plan: ExecutionPlan, max_concurrent: int
) -> Iterator[DagsterEvent]:
    with ExitStack() as stack:
        pools = stack.enter_context(
            InstanceConcurrencyContext(job_context.instance, job_context.dagster_run)
        )
        active = stack.enter_context(
            ActiveExecution(
                execution_plan,
                retry_mode=job_context.retry_mode,
                max_concurrent=max_concurrent,
                instance_concurrency_context=pools,
                step_dependency_config=job_context.step_dependency_config,
            )
        )
        yield from _capture_output(job_context, execution_plan, stack)
        running: set[StepThread] = set()
        news: News = SimpleQueue()
        try:
            yield from _run_steps(job_context, active, running, news)
        except BaseException as problem:
            events = stop(running, news)
            for step in running:
                if step.outcome:
                    active.handle_event(step.outcome)  # which gives back its place in a pool
            if not isinstance(problem, GeneratorExit):
                yield from events
            raise


def _run_steps(
    job_context: PlanExecutionContext,
    active: ActiveExecution,
    running: set[StepThread],
    news: News,
) -> Iterator[DagsterEvent]:
    while running or not active.is_complete:
        for ready in active.get_steps_to_execute():
            running.add(StepThread(job_context.for_step(ready, active.get_known_state()), news))
        yield from active.concurrency_event_iterator(job_context)
        try:
            with raise_execution_interrupts():
                step, item = news.get(timeout=LOOK_AGAIN_SECONDS)
        except Empty:
            continue
        if isinstance(item, DagsterEvent):
            step.take(item)
            yield item
            # Its outcome counts once its thread is over: a repetition must not begin before that.
            if item is not step.outcome:
                active.handle_event(item)
            continue
        running.remove(step)
        if step.outcome:
            active.handle_event(step.outcome)
        if item.problem:
            raise item.problem
        active.verify_complete(job_context, step.context.step.key)
        # What is skipped after it; and what its dynamic outputs add to the plan.
        yield from active.plan_events_iterator(job_context)
        yield from _trigger_hook(step.context, step.events)


def _capture_output(
    job_context: PlanExecutionContext, execution_plan: ExecutionPlan, stack: ExitStack
) -> Iterator[DagsterEvent]:
    """Keeps what is written to stdout and stderr until the stack ends, for all steps together."""
    manager = job_context.instance.compute_log_manager
    file: str = create_compute_log_file_key()  # type: ignore[no-untyped-call]
    key = manager.build_log_key_for_run(job_context.run_id, file)
    output = ExitStack()
    try:
        captured = output.enter_context(manager.capture_logs(key))
    except Exception as problem:
        job_context.log.warning(f"stdout and stderr of this run are not kept: {problem}")
        return

    def put_away() -> None:
        try:
            output.close()
        except Exception as problem:  # such as a bucket that is not there: the run went well
            job_context.log.warning(f"stdout and stderr of this run are not kept: {problem}")

    stack.callback(put_away)
    steps = [step.key for step in execution_plan.get_steps_to_execute_in_topo_order()]
    yield DagsterEvent.capture_logs(job_context, steps, key, captured)
