"""Why the warehouse refuses to store something; the tables are then as they were."""

from __future__ import annotations

import re

# Of what DuckDB says, characters.
LONGEST = 500
_WINDOW = re.compile(r"\n\s*LINE \d+: .*", re.DOTALL)


def without_window(said: str) -> str:
    """What DuckDB says, without the window that it shows of a statement, which may cut a secret."""
    return _WINDOW.sub("", said)


def reason(said: str) -> str:
    """What DuckDB says, in one line, without the window that it shows of a statement."""
    return " ".join(without_window(said).split())[:LONGEST]


class WarehouseError(Exception):
    """Base class. The message says what to do."""


class DatabaseUnavailable(WarehouseError):
    """The database cannot be opened or written.

    Attributes:
        will_pass: Whether that is likely to be otherwise in a moment.
    """

    def __init__(self, message: str, will_pass: bool = False) -> None:
        super().__init__(message)
        self.will_pass = will_pass


class OwnershipLost(WarehouseError):
    """Another run took the stream over."""


class CommitLost(WarehouseError):
    """The database no longer holds what this run has committed."""


class WrongSource(WarehouseError):
    """The tables hold another workspace's data."""


class EmptySource(WarehouseError):
    """The source answered with nothing where the table has rows."""


class ShrinkRefused(WarehouseError):
    """A full refresh would remove suspiciously much."""


class IncompatibleTable(WarehouseError):
    """The table has a form that this package did not make and cannot write to."""


class ParentMissing(WarehouseError):
    """The table whose rows the stream is read for is not there."""


class NewerLayout(WarehouseError):
    """A newer version of this package has laid out the tables."""


class StreamHeld(WarehouseError):
    """Another run has a lease on the stream."""
