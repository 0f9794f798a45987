"""A transaction that others came in the way of is done again, whatever it does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

import duckdb
from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_random_exponential

from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets.warehouse.kinds.kind import Kind

P = ParamSpec("P")
R = TypeVar("R")


class _Warehouse(Protocol):
    kind: Kind

    def lift_memory_limit(self) -> bool: ...


class _InWarehouse(Protocol):
    @property
    def warehouse(self) -> _Warehouse: ...


Own = TypeVar("Own", bound=_InWarehouse)


def retrying(warehouse: _Warehouse) -> Retrying:
    """Does something that is one transaction again, as often as its kind of warehouse allows."""
    return Retrying(
        retry=partial(_may_go_well, warehouse),
        stop=stop_after_attempt(warehouse.kind.attempts),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    )


def again(method: Callable[Concatenate[Own, P], R]) -> Callable[Concatenate[Own, P], R]:
    """Has a method that is one transaction done again if others came in its way."""

    @wraps(method)
    def tried(self: Own, *args: P.args, **kwargs: P.kwargs) -> R:
        return retrying(self.warehouse)(method, self, *args, **kwargs)

    return cast(Callable[Concatenate[Own, P], R], tried)


def _may_go_well(warehouse: _Warehouse, state: RetryCallState) -> bool:
    """Whether a transaction that was undone is worth doing again."""
    problem = state.outcome.exception() if state.outcome else None
    if isinstance(problem, duckdb.OutOfMemoryException):
        return warehouse.lift_memory_limit()
    if isinstance(problem, DatabaseUnavailable):
        return problem.will_pass
    # Two threads of one process may meet in the catalog, and one of them find it half made.
    return isinstance(problem, duckdb.TransactionException) or "python_arrow_scan" in str(problem)
