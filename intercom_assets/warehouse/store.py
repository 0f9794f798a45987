"""A DuckDB database, and how this process opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.database import Warehouse
from intercom_assets.warehouse.holding import alone
from intercom_assets.warehouse.memory import Memory

# What DuckDB calls the limit of its memory.
_LIMITS = {"memory_limit", "max_memory"}
# As dagster-duckdb's resource opens a database, so that both may have it open in one process.
_AS_DAGSTER = {"custom_user_agent": "dagster"}


@dataclass(frozen=True)
class Store:
    """A DuckDB database.

    Attributes:
        database: Where it is, as `located` spells it.
        config: What DuckDB is configured with.
        memory_limit: How much memory DuckDB may use, such as ``64MB``; None is DuckDB's default. A
            limit in the configuration holds for everything that uses the database, and wins.
    """

    database: str
    config: Mapping[str, Any] = field(default_factory=dict)
    memory_limit: str | None = None

    def warehouse(self, schema: str, lock_timeout: float, say: Callable[[str], None]) -> Warehouse:
        """The tables of a schema.

        Args:
            schema: The schema.
            lock_timeout: Seconds to wait for another process that holds the file.
            say: Takes a line for the log.
        """
        is_limited = bool(_LIMITS & {name.lower() for name in self.config})
        return Warehouse(
            self._connect,
            schema,
            None if is_limited else self.memory_limit,
            _memory(self.database),
            lock_timeout,
            say,
        )

    @contextmanager
    def _connect(self) -> Iterator[DuckDBPyConnection]:
        # Not by the resource's own get_connection, which tries again for 100 s whatever is wrong,
        # and never says so.
        with alone(self.database), self._opened() as connection:
            yield connection

    def _opened(self) -> DuckDBPyConnection:
        try:
            return duckdb.connect(self.database, config={**_AS_DAGSTER, **self.config})
        except duckdb.ConnectionException:
            if self.config:
                raise
        # Somebody in this process has it open without any configuration.
        return duckdb.connect(self.database)


# Once for each database and process: within one they share its memory, whoever opens it.
@cache
def _memory(database: str) -> Memory:
    """How much memory DuckDB may use for a database."""
    return Memory()
