"""A few rows of a table as Markdown, personal data masked unless it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.encoding import BIGINT, BOOLEAN, DOUBLE, TIMESTAMPTZ
from intercom_assets.warehouse.names import SYNCED_AT, quote

MASKED, SHOWN, OFF = "masked", "shown", "off"
PREVIEWS = (MASKED, SHOWN, OFF)

ROWS = 5
COLUMNS = 12
CHARACTERS = 60
MASK = "•••"

# Values of these types are no names, addresses or texts.
_ESCAPES = {ord(character): f"&#{ord(character)};" for character in "|<>&`*[]()\\~!#"}
_PLAIN_TYPES = frozenset({BIGINT, BOOLEAN, DOUBLE, TIMESTAMPTZ})


def preview_markdown(
    connection: DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    plain: Collection[str],
    form: str = MASKED,
) -> str | None:
    """The rows that changed last, in the columns that have something in them.

    Args:
        connection: An open connection.
        table: The table's qualified name.
        columns: Types of its columns, by name.
        plain: Text columns that may be shown.
        form: MASKED, SHOWN or OFF.

    Returns:
        The Markdown; None if there is nothing to show.
    """
    if form == OFF:
        return None
    open_to_view = [
        form == SHOWN or name in plain or kind in _PLAIN_TYPES for name, kind in columns.items()
    ]
    # What is masked is not even read.
    cells = [
        f"left({quote(name)}::varchar, {CHARACTERS + 1})"
        if is_open
        else f"case when {quote(name)} is not null then '{MASK}' end"
        for name, is_open in zip(columns, open_to_view, strict=True)
    ]
    rows = connection.execute(
        f"select {', '.join(cells)} from {table} order by {quote(SYNCED_AT)} desc limit {ROWS}"
    ).fetchall()
    if not rows:
        return None
    filled = [n for n in range(len(columns)) if any(row[n] is not None for row in rows)]
    # Columns that can be shown come first when there is no room for all.
    filled = sorted(sorted(filled, key=lambda n: not open_to_view[n])[:COLUMNS])
    names = [list(columns)[n] for n in filled]
    lines = [names, ["---"] * len(names), *([row[n] for n in filled] for row in rows)]
    return "\n".join(
        f"| {' | '.join(cell if n == 1 else _cell(cell) for cell in line)} |"
        for n, line in enumerate(lines)
    )


def _cell(value: Any) -> str:
    """Text that Markdown takes for nothing but text."""
    text = "" if value is None else " ".join(str(value).split())
    if len(text) > CHARACTERS:
        text = text[: CHARACTERS - 1] + "…"
    return text.translate(_ESCAPES)
