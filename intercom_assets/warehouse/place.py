"""Where a warehouse is, how it is opened, and what of that nobody may read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from intercom_assets.warehouse.errors import DatabaseUnavailable

# What hides secrets in messages.
MASK = "***"
# Shorter texts are no secrets, and would tear holes into every message.
SHORTEST_SECRET = 4
_TEXT = re.compile(r"'((?:[^']|'')*)'")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# Of a Postgres or MySQL connection string, and of MotherDuck's.
_PASSWORD = re.compile(
    r"(?:password|passwd|token)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&;]+)", re.IGNORECASE
)


@dataclass(frozen=True)
class Place:
    """Where a warehouse is, and how it is opened.

    Attributes:
        database: What DuckDB opens, as `located` spells it: a file, ``md:…`` or ``ducklake:…``.
        config: What DuckDB is configured with.
        data_path: Where a DuckLake keeps its data, such as ``s3://bucket/folder``.
        attach: Further options of attaching a DuckLake, such as ``METADATA_SCHEMA``.
        init_sql: What is executed first on each new connection; ``${NAME}`` stands for the text of
            an environment variable.
        extension_directory: Where DuckDB's extensions are, and are installed.
    """

    database: str
    config: Mapping[str, Any] = field(default_factory=dict)
    data_path: str | None = None
    attach: Mapping[str, Any] = field(default_factory=dict)
    init_sql: tuple[str, ...] = ()
    extension_directory: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """DuckDB's whole configuration."""
        if self.extension_directory is None:
            return dict(self.config)
        return {"extension_directory": self.extension_directory, **self.config}

    def statements(self) -> list[str]:
        """The initial SQL, with the values of the variables that it names.

        Raises:
            DatabaseUnavailable: When one of them is not set.
        """
        return [_VARIABLE.sub(_value, statement) for statement in self.init_sql]

    def hide(self, text: str) -> str:
        """A text without the secrets that this place knows."""
        for secret in sorted(set(self._secrets()), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _secrets(self) -> Iterator[str]:
        for found in _passwords(self.database):
            yield from (found, found.replace("'", "''"))
        for name in _VARIABLE.findall(" ".join(self.init_sql)):
            yield from _long(os.environ.get(name, ""))
        for statement in self.init_sql:
            if "secret" in statement.casefold():
                for text in _TEXT.findall(_VARIABLE.sub("", statement)):
                    yield from _long(text, text.replace("''", "'"))
        for name, value in {**self.attach, **self.config}.items():
            if any(sign in name.casefold() for sign in ("key", "password", "secret", "token")):
                yield from _long(str(value))


def literal(value: Any) -> str:
    """A value as SQL."""
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


def _value(variable: re.Match[str]) -> str:
    value = os.environ.get(variable[1])
    if value is None:
        raise DatabaseUnavailable(
            f"the initial SQL names the environment variable {variable[1]}, which is not set"
        )
    return literal(value)


def _passwords(database: str) -> Iterator[str]:
    for found in _PASSWORD.findall(database):
        yield from _long(found, found.strip("'"))
    # A connection string may be a URI, behind what DuckDB reads of it.
    if "://" in database:
        scheme, rest = database.split("://", 1)
        try:
            password = urlsplit(f"{scheme.rsplit(':', 1)[-1]}://{rest}").password
        except ValueError:
            password = None
        if password:
            yield from _long(password, unquote(password))


def _long(*texts: str) -> Iterable[str]:
    return (text for text in texts if len(text) >= SHORTEST_SECRET)
