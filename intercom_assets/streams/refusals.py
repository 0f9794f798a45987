"""Parents whose children cannot be read: few of them stop nobody, many of them are a failure."""

from __future__ import annotations

import logging

from intercom_assets.client.errors import IntercomError
from intercom_assets.streams.records import Parent

logger = logging.getLogger(__name__)

# So many, and so large a part of those that were asked for, are no longer exceptions.
MANY, MANY_SHARE = 10, 0.1
# Where nothing was ever read, so many refusals without a single answer are enough to know.
HOPELESS = 100
# Of more than that the rest is counted only.
NAMED = 5


class Refusals:
    """Counts what could not be read in one run.

    Args:
        unit: What the parents are called.
        is_first: Whether nothing has been read in an earlier run.

    Attributes:
        parents: Those whose children could not be read.
    """

    def __init__(self, unit: str, is_first: bool) -> None:
        self.parents: list[Parent] = []
        self._unit = unit
        self._is_first = is_first
        self._asked = 0
        self._problem: IntercomError | None = None

    def count(self, parent: Parent, problem: IntercomError | None) -> None:
        """Counts an answer.

        Args:
            parent: Whose children were asked for.
            problem: What was wrong with the answer, if something was.

        Raises:
            IntercomError: When it has become clear that nothing will be read.
        """
        self._asked += 1
        if problem is None:
            return
        self.parents.append(parent)
        self._problem = problem
        if len(self.parents) <= NAMED:
            logger.warning(
                "%s %s cannot be read and stays outstanding: %s", self._unit, parent.id, problem
            )
        if self._is_first and len(self.parents) == self._asked == HOPELESS:
            raise problem

    def judge(self) -> None:
        """Ends the run's counting.

        Raises:
            IntercomError: The last problem, when there were too many of them.
        """
        if self._problem is None:
            return
        count = len(self.parents)
        logger.warning(
            "%d of %d %s that were asked for could not be read; the next run asks for them again",
            count,
            self._asked,
            self._unit,
        )
        all_of_them = self._is_first and count == self._asked
        if all_of_them or (count >= MANY and count > MANY_SHARE * self._asked):
            raise self._problem
