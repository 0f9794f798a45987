"""Repeats what fails for a while, with waits that double."""

from __future__ import annotations

import logging
from functools import cache

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_any,
    wait_exponential,
    wait_random,
)
from tenacity.stop import stop_base

from intercom_assets.client.errors import IncompleteAnswer, ServerError, WrongAnswer

logger = logging.getLogger(__name__)

# Tries of one request before the run gives up; with the waits between them about two minutes.
MAX_TRIES = 8
# Tries of what comes whole, and yet cannot be right.
TRIES_OF_THE_SAME = 3
MAX_WAIT_SECONDS = 60.0


# Kept, because each is a circle of references: one a call and whatever memory it took would stay
# until the garbage collector comes, which it seldom does here.
@cache
def retrying(tries: int, wait: float) -> Retrying:
    """Repeats what fails for a while; threads may share it.

    Args:
        tries: In all.
        wait: Seconds before the second try; they double with each.
    """
    return Retrying(
        retry=retry_if_exception_type(ServerError),
        stop=stop_any(stop_after_attempt(tries), _StaysSo()),
        wait=wait_exponential(multiplier=wait, max=MAX_WAIT_SECONDS) + wait_random(0, wait),
        before_sleep=_log_retry,
        reraise=True,
    )


class _StaysSo(stop_base):
    """Stops for what Intercom says again when asked again: it will go on saying so."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        problem = retry_state.outcome.exception() if retry_state.outcome else None
        says_so = isinstance(problem, (IncompleteAnswer, WrongAnswer))
        return says_so and retry_state.attempt_number >= TRIES_OF_THE_SAME


def _log_retry(state: RetryCallState) -> None:
    problem = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0.0
    logger.warning("%s; trying again in %.1f s, try %d", problem, wait, state.attempt_number + 1)
