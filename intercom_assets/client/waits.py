"""Waits that many threads have in common, told in one line."""

from __future__ import annotations

import logging
import threading
import time

logger = logging.getLogger(__name__)

# A shorter wait for the rate limit is not worth a line, nor is a next one soon after.
WORTH_A_LINE_SECONDS = 2.0
TELL_AGAIN_SECONDS = 60.0


class Waits:
    """Tells of one reader's waits: a line for all of its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told_until: dict[str, float] = {}

    def refused(self, call: str, seconds: float) -> None:
        """Tells that a call was refused for the rate limit.

        Args:
            call: Method and path.
            seconds: How long everything waits for that.
        """
        if self._is_news("refused", seconds):
            logger.info("%s: rate limited, waiting %.1f s", call, seconds)

    def waited(self, seconds: float) -> None:
        """Tells that a call has waited for its turn, if that was long."""
        if seconds >= WORTH_A_LINE_SECONDS and self._is_news("waited", TELL_AGAIN_SECONDS):
            logger.info("waited %.1f s for the rate limit, and does so as often as needed", seconds)

    def _is_news(self, kind: str, seconds: float) -> bool:
        """Whether nobody told of such a wait yet; somebody has, for so many seconds from now on."""
        now = time.monotonic()
        with self._lock:
            if now < self._told_until.get(kind, now):
                return False
            self._told_until[kind] = now + seconds
        return True
