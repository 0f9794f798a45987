"""The executor that runs steps side by side, with assets that have nothing to do with Intercom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from intercom_assets import step_threads
from intercom_assets.executor import threads_executor

PATIENCE = 30.0


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def job(*assets: dg.AssetsDefinition, **options: Any) -> dg.JobDefinition:
    """A job over assets, run by threads."""
    config = {"max_concurrent": options.pop("max_concurrent", 4)}
    by_threads = dg.define_asset_job("job", executor_def=threads_executor.configured(config))
    return dg.Definitions(assets=assets, jobs=[by_threads], **options).resolve_job_def("job")


def execute(
    wanted: Callable[[], dg.JobDefinition], instance: dg.DagsterInstance, **options: Any
) -> dg.JobExecutionResult:
    """Runs a job that a function of this module makes, to its end."""
    options = {"raise_on_error": False, **options}
    with dg.execute_job(dg.reconstructable(wanted), instance=instance, **options) as result:
        return result


def kinds(result: dg.JobExecutionResult, step: str) -> list[str]:
    """The types of a step's events."""
    return [event.event_type_value for event in result.all_events if event.step_key == step]


def two_that_meet() -> dg.JobDefinition:
    barrier = threading.Barrier(2)

    @dg.asset
    def one() -> None:
        barrier.wait(PATIENCE)

    @dg.asset
    def other() -> None:
        barrier.wait(PATIENCE)

    return job(one, other)


def test_steps_run_side_by_side(instance: dg.DagsterInstance) -> None:
    result = execute(two_that_meet, instance)
    assert result.success
    for step in ("one", "other"):
        found = kinds(result, step)
        assert found.index("STEP_START") < found.index("ASSET_MATERIALIZATION")
        assert found[-1] == "STEP_SUCCESS"
        assert instance.get_latest_materialization_event(dg.AssetKey(step)) is not None


def a_chain() -> dg.JobDefinition:
    @dg.asset
    def source() -> int:
        return 20

    @dg.asset
    def doubled(source: int) -> int:
        return source * 2

    @dg.asset
    def last(doubled: int) -> None:
        assert doubled == 40

    return job(source, doubled, last)


@pytest.mark.long
def test_what_depends_on_another_comes_after_it(instance: dg.DagsterInstance) -> None:
    result = execute(a_chain, instance)
    assert result.success
    steps = [e.step_key for e in result.all_events if e.event_type_value == "STEP_SUCCESS"]
    assert steps == ["source", "doubled", "last"]


def one_that_fails() -> dg.JobDefinition:
    @dg.asset
    def bad() -> None:
        raise dg.Failure("no luck", allow_retries=False)

    @dg.asset(deps=[bad])
    def after_bad() -> None: ...

    @dg.asset
    def good() -> None: ...

    @dg.asset(deps=[good])
    def after_good() -> None: ...

    return job(bad, after_bad, good, after_good)


def test_a_failure_stops_only_what_depends_on_it(instance: dg.DagsterInstance) -> None:
    result = execute(one_that_fails, instance)
    assert not result.success
    assert kinds(result, "bad")[-1] == "STEP_FAILURE"
    assert kinds(result, "after_bad") == []
    for step in ("good", "after_good"):
        assert kinds(result, step)[-1] == "STEP_SUCCESS"
    run = instance.get_run_by_id(result.run_id)
    assert run is not None and run.status is dg.DagsterRunStatus.FAILURE


def asks_for_more_tries(wait: float) -> dg.JobDefinition:
    tries: list[int] = []

    @dg.asset
    def flaky() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise dg.RetryRequested(max_retries=2, seconds_to_wait=wait)

    @dg.asset(deps=[flaky])
    def after() -> None: ...

    return job(flaky, after)


def one_that_asks_for_more_tries() -> dg.JobDefinition:
    return asks_for_more_tries(0.1)


def one_that_asks_for_more_tries_at_once() -> dg.JobDefinition:
    return asks_for_more_tries(0)


@pytest.mark.long
@pytest.mark.parametrize(
    "wanted", [one_that_asks_for_more_tries, one_that_asks_for_more_tries_at_once]
)
def test_a_step_that_asks_for_it_is_repeated(
    instance: dg.DagsterInstance, wanted: Callable[[], dg.JobDefinition]
) -> None:
    result = execute(wanted, instance)
    assert result.success
    assert kinds(result, "flaky").count("STEP_UP_FOR_RETRY") == 2
    assert kinds(result, "after")[-1] == "STEP_SUCCESS"


class Gauge:
    """How many were inside at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        # Long enough for another to come in, if nothing keeps it out.
        time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


gauge = Gauge()


def measured(count: int, pool: str | None = None, **options: Any) -> dg.JobDefinition:
    def asset_of(number: int) -> dg.AssetsDefinition:
        @dg.asset(name=f"a{number}", pool=pool)
        def asset() -> None:
            with gauge:
                pass

        return asset

    return job(*(asset_of(number) for number in range(count)), **options)


def two_at_once() -> dg.JobDefinition:
    return measured(6, max_concurrent=2)


def one_pool() -> dg.JobDefinition:
    return measured(2, pool="only_one")


def test_no_more_steps_run_at_once_than_wanted(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "gauge", Gauge())
    assert execute(two_at_once, instance).success
    assert gauge.most == 2


@pytest.mark.long
def test_pools_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "gauge", Gauge())
    monkeypatch.setattr(
        "dagster._core.execution.plan.instance_concurrency_context.INITIAL_INTERVAL_VALUE", 0.05
    )
    limits = {"concurrency": {"pools": {"default_limit": 1, "granularity": "op"}}}
    with dg.instance_for_test(overrides=limits) as instance:
        assert execute(one_pool, instance).success
    assert gauge.most == 1


def with_hooks() -> dg.JobDefinition:
    @dg.success_hook
    def well(context: dg.HookContext) -> None:
        context.log.info(f"well done, {context.op.name}")

    @dg.failure_hook
    def badly(context: dg.HookContext) -> None:
        context.log.info(f"bad luck, {context.op.name}")

    @dg.asset(hooks={well, badly})
    def good() -> None: ...

    @dg.asset(hooks={well, badly})
    def bad() -> None:
        raise dg.Failure("no luck")

    return job(good, bad)


def test_hooks_are_called(instance: dg.DagsterInstance) -> None:
    result = execute(with_hooks, instance)
    log = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "well done, good" in log and "bad luck, bad" in log
    assert "bad luck, good" not in log


def talkative() -> dg.JobDefinition:
    @dg.asset
    def one() -> None:
        print("said by one")

    @dg.asset
    def other() -> None:
        print("said by other")

    return job(one, other)


def test_what_steps_print_is_kept(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").touch()
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert execute(talkative, instance).success
    printed = "".join(path.read_text() for path in tmp_path.rglob("*.out"))
    assert "said by one" in printed and "said by other" in printed


def dynamic() -> dg.JobDefinition:
    @dg.op(out=dg.DynamicOut())
    def numbers() -> Iterator[dg.DynamicOutput[int]]:
        for number in range(3):
            yield dg.DynamicOutput(number, mapping_key=str(number))

    @dg.op
    def square(number: int) -> int:
        return number * number

    @dg.op
    def total(squares: list[int]) -> None:
        assert sorted(squares) == [0, 1, 4]

    @dg.job(executor_def=threads_executor)
    def squares() -> None:
        total(numbers().map(square).collect())

    return squares


@pytest.mark.long
def test_dynamic_outputs_are_mapped(instance: dg.DagsterInstance) -> None:
    result = execute(dynamic, instance)
    assert result.success
    assert kinds(result, "square[2]")[-1] == "STEP_SUCCESS"


interrupted = threading.Event()


def one_raises_one_waits(wait: Callable[[], None]) -> dg.JobDefinition:
    waiting = threading.Event()

    @dg.asset(pool="two")
    def raises() -> None:
        waiting.wait(PATIENCE)
        raise RuntimeError("the run ends here")

    @dg.asset(pool="two")
    def waits() -> None:
        waiting.set()
        try:
            wait()
        finally:
            interrupted.set()

    return job(raises, waits)


def one_that_notices() -> dg.JobDefinition:
    def wait() -> None:
        for _ in range(int(PATIENCE / 0.01)):
            time.sleep(0.01)

    return one_raises_one_waits(wait)


def one_that_does_not_notice() -> dg.JobDefinition:
    return one_raises_one_waits(lambda: time.sleep(PATIENCE))


def test_when_a_run_ends_early_its_other_steps_are_interrupted(
    instance: dg.DagsterInstance,
) -> None:
    interrupted.clear()
    with pytest.raises(RuntimeError, match="the run ends here"):
        execute(one_that_notices, instance, raise_on_error=True)
    assert interrupted.is_set()
    assert failure_of("waits", instance) == "DagsterExecutionInterruptedError"


def test_a_step_that_does_not_notice_is_left_behind_and_told(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_threads, "STOP_SECONDS", 0.1)
    interrupted.clear()
    with pytest.raises(RuntimeError, match="the run ends here"):
        execute(one_that_does_not_notice, instance, raise_on_error=True)
    assert not interrupted.is_set()
    assert failure_of("waits", instance) == "RuntimeError"


def test_a_run_that_ends_early_gives_back_its_places_in_pools() -> None:
    limits = {"concurrency": {"pools": {"default_limit": 2, "granularity": "op"}}}
    with dg.instance_for_test(overrides=limits) as instance:
        with pytest.raises(RuntimeError, match="the run ends here"):
            execute(one_that_notices, instance, raise_on_error=True)
        assert instance.event_log_storage.get_concurrency_info("two").active_slot_count == 0


def failure_of(step: str, instance: dg.DagsterInstance) -> str | None:
    """Which error a step's failure in the only run's log tells of."""
    [run] = instance.get_runs()
    events = [
        entry.dagster_event
        for entry in instance.all_logs(run.run_id)
        if entry.dagster_event and entry.dagster_event.is_step_failure
    ]
    [failure] = [event for event in events if event.step_key == step]
    error = failure.step_failure_data.error
    return error.cls_name if error else None
