"""What a check looks at, and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.extraction import Extraction
from intercom_assets.warehouse import Warehouse
from intercom_assets.warehouse.bookkeeping import Bookkeeping
from intercom_assets.warehouse.names import path
from intercom_assets.warehouse.statements import living


@dataclass(frozen=True)
class Stored:
    """What a check can look at.

    Attributes:
        connection: To the warehouse.
        warehouse: The same.
        name: The stream's table.
        extraction: What was stored.
        began: When the run began, by this machine's clock, as the rows' `_synced_at` is.
    """

    connection: DuckDBPyConnection
    warehouse: Warehouse
    name: str
    extraction: Extraction
    began: datetime

    def table(self, name: str) -> str:
        """A table's qualified name."""
        return path(self.connection, self.warehouse.schema, name)

    @property
    def books(self) -> Bookkeeping:
        """Our own tables."""
        return self.warehouse.books(self.connection)

    @property
    def own(self) -> str:
        """The stream's table."""
        return self.table(self.name)

    @property
    def living(self) -> str:
        """Its rows that are not marked as gone, as SQL."""
        return living(self.own)

    def ask(self, sql: str, values: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
        """The one row that a query gives."""
        row = self.connection.execute(sql, dict(values or {})).fetchone()
        return row or ()


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        passed: Whether all is well.
        message: What that means, and what to do about it.
        facts: Numbers.
    """

    passed: bool
    message: str
    facts: Mapping[str, int | str]
