"""What a step has to say, in that step's log and nobody else's: Dagster's event log, and stderr.

The client and the streams log as every Python library does, from whatever thread they are in, and
know no Dagster. Several steps may run in one process, of several workspaces: whose line it is, the
context tells that a thread was started in.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import dagster as dg

_LIBRARY = logging.getLogger("intercom_assets")
_here: ContextVar[logging.Handler | None] = ContextVar("intercom_assets_step", default=None)


class StepLog(logging.LoggerAdapter):  # type: ignore[type-arg]
    """A step's log, whose lines begin with the asset's key.

    Args:
        log: Of the step.
        key: Of the asset.
    """

    def __init__(self, log: logging.Logger, key: dg.AssetKey) -> None:
        super().__init__(log, {})
        self._key = key.to_user_string()

    def of(self, key: dg.AssetKey) -> StepLog:
        """The same log for another asset of the step."""
        return StepLog(self.logger, key)

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Puts the key in front."""
        return f"{self._key}: {msg}", kwargs


@contextmanager
def hearing(log: StepLog) -> Iterator[None]:
    """Has a step's log hear, from INFO on, what this package logs on the step's behalf.

    That is what is logged here, and by threads of a `Crew` that are set to work from here.
    """
    if _LIBRARY.level == logging.NOTSET:
        _LIBRARY.setLevel(logging.INFO)
    handler = _Forwarder(log)
    before = _here.set(handler)
    _LIBRARY.addHandler(handler)
    try:
        yield
    finally:
        _LIBRARY.removeHandler(handler)
        _here.reset(before)


class _Forwarder(logging.Handler):
    """Hands a library's lines to one step's log."""

    def __init__(self, log: StepLog) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is this step's."""
        return _here.get() is self

    def emit(self, record: logging.LogRecord) -> None:
        """Hands a line on; that it cannot be stored is no reason for the step to fail."""
        try:
            self._log.log(record.levelno, record.getMessage(), exc_info=record.exc_info)
        except Exception:
            self.handleError(record)
