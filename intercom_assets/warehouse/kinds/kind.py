"""What one kind of warehouse has otherwise than the others; everything else is one SQL for all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.place import Place

# What DuckDB says when it finds itself in the wrong, and then to everybody in the same instance.
BROKEN = ("INTERNAL Error", "database has been invalidated")


@dataclass(frozen=True)
class Kind:
    """What one kind of warehouse has otherwise than the others.

    Attributes:
        connect: Gives a connection, in whose database the tables are, and closes it again.
        layout: The version of what our own tables mean in it, see `layout`.
        shares_books: Whether the streams share our own tables, a row or some each. Where commits
            conflict by the table, each stream has its own.
        bulk: How many times as much a commit holds as one into a file.
        is_private: Whether nobody but us can be in the DuckDB instance that `connect` uses.
        attempts: How often a transaction is tried that others come in the way of.
        passing: What messages say of a fault that passes: the transaction is tried again.
        away: What they say when a server is not there for a moment, which is waited for.
        stale: What they say when the instance of DuckDB has credentials that ran out; another one
            asks for new ones.
    """

    connect: Callable[[Place], AbstractContextManager[DuckDBPyConnection]]
    layout: int = 2  # Since then rows can be marked as gone.
    shares_books: bool = True
    bulk: int = 1
    is_private: bool = False
    attempts: int = 8
    passing: tuple[str, ...] = ()
    away: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    def book(self, name: str, stream: str) -> str:
        """The table of ours in which something of a stream stands.

        Args:
            name: What stands in it, one of `layout.BOOKS`.
            stream: The stream.
        """
        return name if self.shares_books else f"{name}_{stream}"

    def will_pass(self, problem: Exception) -> bool:
        """Whether a problem is one that passes."""
        return self.is_broken(problem) or any(sign in str(problem) for sign in self.passing)

    def is_broken(self, problem: BaseException) -> bool:
        """Whether the instance of DuckDB that it came from is of no use any more."""
        return any(sign in str(problem) for sign in (*self.away, *self.stale, *BROKEN))

    def is_away(self, problem: Exception) -> bool:
        """Whether a problem is that a server is not there."""
        return any(sign in str(problem) for sign in self.away)
