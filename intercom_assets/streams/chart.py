"""A picture of a stream's table, as a declaration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chart:
    """A picture of a table.

    Attributes:
        title: What it shows.
        query: SQL over ``{table}`` that gives days (DATE), a series' name, and a count.
        stacked: Whether the series are parts of a whole, and so stand on each other.
    """

    title: str
    query: str
    stacked: bool = True
