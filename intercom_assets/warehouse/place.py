"""Where a warehouse is, how it is opened, and what of that nobody may read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from intercom_assets.warehouse import masks, variables


@dataclass(frozen=True)
class Place:
    """Where a warehouse is, and how it is opened.

    Attributes:
        database: What DuckDB opens, as `located` spells it: a file, ``md:…`` or ``ducklake:…``.
        config: What DuckDB is configured with.
        data_path: Where a DuckLake keeps its data, such as ``s3://bucket/folder``.
        attach: Options of attaching, such as ``METADATA_SCHEMA`` or ``ENCRYPTION_KEY``.
        init_sql: What is executed first, see `initial_sql`; ``${NAME}`` stands for the text of an
            environment variable, and one that stands alone has statements in it.
        extension_directory: Where DuckDB's extensions are, and are installed.
        named: Environment variables that have been looked up for all this.
    """

    database: str
    config: Mapping[str, Any] = field(default_factory=dict)
    data_path: str | None = None
    attach: Mapping[str, Any] = field(default_factory=dict)
    init_sql: tuple[str, ...] = ()
    extension_directory: str | None = None
    named: tuple[str, ...] = ()

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
        return [variables.in_sql(text) for text in self._texts(variables.value_of)]

    def hide(self, text: str) -> str:
        """A text without the secrets that this place knows."""
        return masks.masked(text, self.secrets())

    def secrets(self) -> Iterator[str]:
        """What nobody may read."""
        yield from masks.in_address(self.database)
        yield from masks.in_options({**self.attach, **self.config})
        texts = self._texts(lambda name: os.environ.get(name, ""))
        for name in (*self.named, *variables.names_in(*texts)):
            yield from masks.spellings(os.environ.get(name, ""))
        for text in texts:
            yield from masks.in_sql(variables.without(text))

    def _texts(self, look_up: variables.LookUp) -> list[str]:
        names = [(text, variables.sole_name(text)) for text in self.init_sql]
        return [text if name is None else look_up(name) for text, name in names]


def literal(value: Any) -> str:
    """A value as SQL."""
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
