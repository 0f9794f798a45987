"""Columns as they are documented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its name.
        kind: Its DuckDB type, in small letters.
        description: What it tells.
    """

    name: str
    kind: str
    description: str
