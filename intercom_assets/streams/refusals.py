"""What hangs on a record and cannot be read: few of it stop nobody, much of it is a failure."""

from __future__ import annotations

import logging
from typing import NamedTuple

from intercom_assets.client.errors import (
    IntercomError,
    MalformedResponse,
    NotFound,
    PermissionDenied,
    RequestRefused,
    RetriableError,
    ServerError,
)
from intercom_assets.streams.records import Parent

logger = logging.getLogger(__name__)

# What may be the matter with one record only. A 5xx is when it stays, while others are answered.
OF_ONE_RECORD = (PermissionDenied, RequestRefused, MalformedResponse, ServerError)

# So many, and so large a part of those that were asked for, are no longer exceptions. So many
# passing faults without an answer between them are an outage.
MANY, MANY_SHARE = 10, 0.1
# Where nothing was ever read, so many refusals without a single answer are enough to know.
HOPELESS = 100
# Of more than that the rest is counted only.
NAMED = 5


class Refused(NamedTuple):
    """What could not be read.

    Attributes:
        parent: On whom it hangs.
        problem: Why.
    """

    parent: Parent
    problem: IntercomError


class Refusals:
    """Counts what could not be read in one run.

    Args:
        unit: What they are called.
        is_first: Whether nothing has been read in an earlier run, and all refusals are a failure.
        known: How many the run before could not read. They made that run fail if they were many;
            a night in which little else is asked for need not fail for them again.

    Attributes:
        parents: Those of which something could not be read.
        stored: How many there are, those included that were not asked for; 0 if nobody knows.
    """

    def __init__(self, unit: str, is_first: bool = False, known: int = 0) -> None:
        self.parents: list[Parent] = []
        self.stored = 0
        self._unit = unit
        self._is_first = is_first
        self._known = known
        self._asked = self._absent = 0
        self._faults_in_a_row = 0
        self._problem: IntercomError | None = None

    @property
    def seconds(self) -> set[int]:
        """When those last changed of which something could not be read, epoch seconds."""
        return {parent.updated_at for parent in self.parents}

    @property
    def nothing_came(self) -> bool:
        """Whether nothing was ever read: then what is not found may be the route, not a record."""
        return self._is_first and len(self.parents) == self._asked

    def count(self, refused: Refused | None = None) -> None:
        """Counts an answer.

        Args:
            refused: What was wrong with the answer, if something was.

        Raises:
            IntercomError: When it has become clear that nothing will be read.
        """
        self._asked += 1
        if refused is None:
            self._faults_in_a_row = 0
            return
        parent, problem = refused
        is_fault = isinstance(problem, RetriableError)
        self._faults_in_a_row = self._faults_in_a_row + 1 if is_fault else 0
        self.parents.append(parent)
        self._absent += isinstance(problem, NotFound)
        if self._problem is None or not isinstance(problem, NotFound):
            self._problem = problem
        if len(self.parents) <= NAMED:
            logger.warning(
                "%s %s cannot be read and stays outstanding: %s", self._unit, parent.id, problem
            )
        all_of_them = len(self.parents) == self._asked
        if self._faults_in_a_row == MANY or (
            self._is_first and all_of_them and self._asked == HOPELESS
        ):
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
        if not self.nothing_came:
            count -= self._absent  # records that are gone: the next run settles them
        known = min(self._known, count)
        all_of_them = self.nothing_came and (self._absent < count or count >= MANY)
        of_the_new = is_many(count - known, self._asked - known)
        if all_of_them or of_the_new or (self.stored and is_many(count, self.stored)):
            raise self._problem


def is_many(count: int, of: int) -> bool:
    """Whether so many, and so large a part, that they are no exceptions."""
    return count >= MANY and count > MANY_SHARE * of
