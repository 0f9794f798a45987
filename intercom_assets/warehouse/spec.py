"""What a warehouse needs to know of a table, whatever the records in it are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What becomes of rows that are gone at the source.
MARK, REMOVE = ON_DELETE = ("mark", "remove")


def checked_on_delete(value: Any) -> str:
    """What becomes of rows that are gone at the source.

    Raises:
        ValueError: When it is neither MARK nor REMOVE.
    """
    if value not in ON_DELETE:
        raise ValueError(f"on_delete is {value!r}: it must be one of {', '.join(ON_DELETE)}")
    return str(value)


@dataclass(frozen=True)
class TableSpec:
    """What a warehouse needs to know of a stream's table.

    Attributes:
        key: Columns that identify a row.
        schema: JSON schema of the records.
        replace: Whether a read replaces the table, rather than being merged into it by key.
        version: Column that tells which of two forms of a row is newer; None trusts the later read.
        context: Columns about a row's surroundings, such as its parent: kept up to date, but a row
            in which nothing else changed counts as unchanged.
        parent: Table whose rows the children of this one are read for.
        parents: Only for parents whose columns have these values.
        family: Column of the parent's id, if each read of a parent gives all of its children: a
            child that it no longer gives goes.
        parent_columns: What else of a parent asking for its children takes.
        moment: Column by which a read begins at the start date: what is older was not asked for.
        on_delete: MARK or REMOVE.
        merged: Whether a row can be gone because its record was merged into another.
        children: Tables whose rows go with those of a table, by that table, and their columns of
            its ids.
        history: Whether each version of a row is kept.
    """

    key: tuple[str, ...]
    schema: dict[str, Any]
    replace: bool
    version: str | None = None
    context: tuple[str, ...] = ()
    parent: str | None = None
    parents: Mapping[str, str] = field(default_factory=dict)
    family: str | None = None
    parent_columns: tuple[str, ...] = ()
    moment: str | None = None
    on_delete: str = MARK
    merged: bool = False
    children: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    history: bool = False
