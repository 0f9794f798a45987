"""A few rows of a table as Markdown, personal data masked unless it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.warehouse.encoding import BIGINT, BOOLEAN, DOUBLE, TIMESTAMPTZ
from intercom_assets.warehouse.names import SYNCED_AT, comma, quote
from intercom_assets.warehouse.samples import Sample

MASKED, SHOWN, OFF = "masked", "shown", "off"
PREVIEWS = (MASKED, SHOWN, OFF)

ROWS = 5
CHARACTERS = 30
# What fits beside the names of metadata on a page of Dagster, each column with its margins.
WIDTH = 70
MARGIN = 2
MASK = "•••"
CHANGED, NEW = "what changed", "new"

# Values of these types are no names, addresses or texts.
_ESCAPES = {ord(character): f"&#{ord(character)};" for character in "|<>&`*[]()\\~!#"}
_PLAIN_TYPES = frozenset({BIGINT, BOOLEAN, DOUBLE, TIMESTAMPTZ})

Row = tuple[Any, ...]


def preview_markdown(
    connection: DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    key: Sequence[str],
    plain: Collection[str],
    samples: Sequence[Sample] = (),
    form: str = MASKED,
) -> str | None:
    """Rows that changed last and what changed in them, in columns in which they differ.

    Args:
        connection: An open connection.
        table: The table's qualified name.
        columns: Types of its columns, by name.
        key: Columns that identify a row.
        plain: Text columns that may be shown.
        samples: Some of what the run changed.
        form: MASKED, SHOWN or OFF.

    Returns:
        The Markdown; None if there is nothing to show.
    """
    if form == OFF:
        return None
    is_open = {
        name: form == SHOWN or name in plain or kind in _PLAIN_TYPES
        for name, kind in columns.items()
    }
    rows = _rows(connection, table, columns, is_open, key, samples)
    if not rows:
        return None
    changed = {sample.key: ", ".join(sample.changed) or NEW for sample in samples}
    shown = {
        name: [_text(row[n]) for row in rows] for n, name in enumerate(columns, start=len(key))
    }
    shown[CHANGED] = [_text(changed.get(row[: len(key)])) for row in rows]
    touched = {name for sample in samples for name in sample.changed}
    ranks = {name: _rank(name, cells, key, touched, is_open) for name, cells in shown.items()}
    chosen = _fitting(shown, ranks)
    lines = [chosen, ["---"] * len(chosen), *zip(*(shown[name] for name in chosen), strict=True)]
    return "\n".join(
        f"| {' | '.join(cell if n == 1 else cell.translate(_ESCAPES) for cell in line)} |"
        for n, line in enumerate(lines)
    )


def _rows(
    connection: DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    is_open: Mapping[str, bool],
    key: Sequence[str],
    samples: Sequence[Sample],
) -> list[Row]:
    """The key of each row as text, then what it shows: samples first, then what changed last."""
    cells = [_cell(name, kind, is_open[name]) for name, kind in columns.items()]
    query = f"select {comma(key, '{}::varchar')}, {', '.join(cells)} from {table}"
    same = " and ".join(f"{quote(name)}::varchar is not distinct from ?" for name in key)
    sampled = " or ".join([f"({same})"] * len(samples)) or "false"
    keys = [sample.key for sample in samples]
    values = [value for each in keys for value in each]
    rows = connection.execute(f"{query} where {sampled}", values).fetchall()
    rows.sort(key=lambda row: keys.index(row[: len(key)]))
    rest = connection.execute(
        f"{query} where not ({sampled}) order by {quote(SYNCED_AT)} desc limit {ROWS}", values
    ).fetchall()
    return [*rows, *rest][:ROWS]


def _cell(name: str, kind: str, is_open: bool) -> str:
    """What a row shows in a column, as SQL."""
    if not is_open:
        # What is masked is not even read.
        return f"case when {quote(name)} is not null then '{MASK}' end"
    if kind == TIMESTAMPTZ:
        return f"strftime({quote(name)}, '%Y-%m-%d %H:%M')"
    return f"left({quote(name)}::varchar, {CHARACTERS + 1})"


def _rank(
    name: str,
    cells: Iterable[str],
    key: Collection[str],
    touched: Collection[str],
    is_open: Mapping[str, bool],
) -> int | None:
    """How soon a column gets its room; None if there is nothing in it."""
    if not any(cells):
        return None
    differs, shows = len(set(cells)) > 1, is_open.get(name, True)
    order = (
        name in key,
        name == CHANGED,
        shows and differs and name in touched,
        shows and differs,
        shows and name in touched,
        name in touched,
        shows,
        True,
    )
    return order.index(True)


def _fitting(shown: Mapping[str, list[str]], ranks: Mapping[str, int | None]) -> list[str]:
    """The columns that there is room for: the key, what changed, and the others in their order."""
    left, chosen = WIDTH, []
    named = [(rank, name) for name, rank in ranks.items() if rank is not None]
    for rank, name in sorted(named, key=lambda found: found[0]):
        width = max(len(text) for text in (name, *shown[name])) + MARGIN
        if rank == 0 or width <= left:
            left -= width
            chosen.append((min(rank, 2), list(ranks).index(name), name))
    return [name for *_, name in sorted(chosen)]


def _text(value: Any) -> str:
    """A value on one line, cut where it is long."""
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"
