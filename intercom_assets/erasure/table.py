"""The rows of one table that a person may be in: found, changed, and removed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.client.decoding import encode
from intercom_assets.streams.transform import Record
from intercom_assets.warehouse.encoding import BIGINT, BOOLEAN, JSON, VARCHAR, encode_table
from intercom_assets.warehouse.names import ROW, SYNCED_AT, comma, path, quote

PAGE = 1_000


class PersonalTable:
    """A table that a person may be in.

    Args:
        connection: An open connection, in a transaction.
        schema: The table's schema.
        name: The table.
        is_current: Whether it holds the newest forms of rows, which tell when they last changed.

    Attributes:
        sql: Its qualified name.
        columns: The types of its texts, by column.
    """

    def __init__(
        self, connection: DuckDBPyConnection, schema: str, name: str, is_current: bool
    ) -> None:
        self._connection = connection
        self.name = name
        self._is_current = is_current
        self.sql = path(connection, schema, name)
        rows = connection.execute(f"describe {self.sql}").fetchall()
        self.columns = {column: kind for column, kind, *_ in rows if kind in (VARCHAR, JSON)}

    def mentions(self, pattern: str) -> str:
        """Whether a row matches a regular expression in any of its texts, as SQL."""
        texts = comma(self.columns, "t.{}::varchar")
        return f"regexp_matches(concat_ws(chr(31), {texts}), {_text(pattern)}, 'i')"

    def among(self, column: str, ids: Collection[str]) -> str:
        """Whether a column of a row is one of some ids, as SQL."""
        if column not in self.columns or not ids:
            return "false"
        return f"t.{quote(column)}::varchar in ({', '.join(map(_text, ids))})"

    def rows(self, which: str) -> Iterator[tuple[int, Record]]:
        """Rows with the numbers that they have here, JSON decoded, of their texts only."""
        found = self._connection.execute(
            f"select t.rowid, {comma(self.columns, 't.{}')} from {self.sql} t where {which}"
        ).fetchall()
        for number, *values in found:
            decoded = map(self._decoded, self.columns, values)
            yield number, dict(zip(self.columns, decoded, strict=True))

    def column(self, name: str, which: str) -> set[str]:
        """What rows have in a column."""
        if name not in self.columns:
            return set()
        found = self._connection.execute(
            f"select distinct t.{quote(name)}::varchar from {self.sql} t where {which}"
        ).fetchall()
        return {value for (value,) in found if value is not None}

    def remove(self, which: str) -> int:
        """Removes rows; returns how many."""
        [(count,)] = self._connection.execute(
            f"delete from {self.sql} as t where {which}"
        ).fetchall()
        return int(count)

    def change(self, which: str, change: Callable[[Record], Record]) -> int:
        """Changes rows; returns how many became others."""
        changed = [
            (number, row, new) for number, row in self.rows(which) if (new := change(row)) != row
        ]
        for start in range(0, len(changed), PAGE):
            self._write(changed[start : start + PAGE])
        return len(changed)

    def _write(self, changed: list[tuple[int, Record, Record]]) -> None:
        names = [n for n in self.columns if any(row[n] != new[n] for _, row, new in changed)]
        columns: dict[str, tuple[str, list[Any]]] = {
            ROW: (BIGINT, [number for number, *_ in changed])
        }
        for index, name in enumerate(names):
            texts = [self._encoded(name, new[name]) for *_, new in changed]
            columns[f"v{index}"] = (VARCHAR, texts)
            columns[f"c{index}"] = (BOOLEAN, [row[name] != new[name] for _, row, new in changed])
        self._connection.register("_changed", encode_table(**columns))
        sets = [
            f"{quote(name)} = case when n.c{index} then n.v{index}::{self.columns[name]} "
            f"else t.{quote(name)} end"
            for index, name in enumerate(names)
        ]
        if self._is_current:
            sets.append(f"{quote(SYNCED_AT)} = now()")
        self._connection.execute(
            f"update {self.sql} t set {', '.join(sets)} from _changed n where t.rowid = n.{ROW}"
        )
        self._connection.unregister("_changed")

    def _decoded(self, column: str, value: Any) -> Any:
        if value is None or self.columns[column] != JSON:
            return value
        return json.loads(value)

    def _encoded(self, column: str, value: Any) -> str | None:
        if value is None or (isinstance(value, str) and self.columns[column] != JSON):
            return value
        return encode(value)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
