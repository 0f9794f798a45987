"""A warehouse, and how this process opens it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from intercom_assets.warehouse.database import Warehouse
from intercom_assets.warehouse.kinds import kind_of
from intercom_assets.warehouse.memory import Memory
from intercom_assets.warehouse.place import Place

# What DuckDB calls the limit of its memory.
_LIMITS = {"memory_limit", "max_memory"}


@dataclass(frozen=True)
class Store:
    """A warehouse, and how this process opens it.

    Attributes:
        place: Where it is.
        memory_limit: How much memory DuckDB may use, such as ``64MB``; None is DuckDB's default. A
            limit in the configuration holds for everything that uses the database, and wins.
    """

    place: Place
    memory_limit: str | None = None

    def warehouse(self, schema: str, lock_timeout: float, say: Callable[[str], None]) -> Warehouse:
        """The tables of a schema.

        Args:
            schema: The schema.
            lock_timeout: Seconds to wait for another process that holds the file.
            say: Takes a line for the log.

        Raises:
            DatabaseUnavailable: When it is of a kind that cannot be written.
        """
        kind = kind_of(self.place.database)
        is_limited = bool(_LIMITS & {name.lower() for name in self.place.config})
        return Warehouse(
            partial(kind.connect, self.place),
            schema,
            None if is_limited else self.memory_limit,
            _memory(self.place.database, kind.is_private),
            lock_timeout,
            say,
            kind,
            self.place.hide,
        )


# Once for each database and process: within one they share its memory, whoever opens it.
@cache
def _memory(database: str, is_private: bool) -> Memory:
    """How much memory DuckDB may use for a database."""
    return Memory(is_private)
