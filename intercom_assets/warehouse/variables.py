"""Environment variables in a warehouse's settings: ``${NAME}`` stands for the text of one.

What is in them is looked up when the warehouse is opened, so that no setting holds a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from intercom_assets.warehouse.errors import DatabaseUnavailable

LookUp = Callable[[str], str]
_TRUTH = {"true": True, "false": False}
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# Where in SQL a variable may stand: in a text, in a name, in a comment, or by itself.
_PIECES = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$\{(?P<alone>\w+)\}", re.DOTALL
)
# What is before a variable that is a password in a URI, or a parameter of one.
_IN_URI = re.compile(r"://(?:[^/@]*|.*=)$", re.DOTALL)
# A keyword and its value in libpq's connection strings.
_KEYWORDS = re.compile(r"(?:ducklake:)?postgres:.*=\s*(?P<quote>'?)$", re.IGNORECASE | re.DOTALL)


def names_in(*values: object) -> tuple[str, ...]:
    """The variables that are named in those values that are texts."""
    texts = [value for value in values if isinstance(value, str)]
    return tuple(name for text in texts for name in _VARIABLE.findall(text))


def sole_name(text: str) -> str | None:
    """The variable that is all there is in a text."""
    found = _VARIABLE.fullmatch(text.strip())
    return found and found[1]


def without(text: str) -> str:
    """A text without its variables."""
    return _VARIABLE.sub("", text)


def value_of(name: str) -> str:
    """What a variable holds.

    Raises:
        DatabaseUnavailable: When it is not set.
    """
    value = os.environ.get(name)
    if value is None:
        raise DatabaseUnavailable(
            f"the settings of the warehouse name the environment variable {name}, which is not "
            "set: set it for every process that opens the warehouse"
        )
    return value


def in_text(text: str) -> str:
    """A text with what its variables hold."""
    return _replaced(text, lambda _, value: value)


def in_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options, the texts among them with what their variables hold."""
    return {name: _option(value) for name, value in options.items()}


def _option(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # DuckLake takes a number as a text, but not a truth value.
    text = in_text(value)
    return _TRUTH.get(text.casefold(), text) if sole_name(value) else text


def in_address(text: str) -> str:
    """The address of a warehouse with what its variables hold, as its place in it asks for."""

    def spelled(found: re.Match[str], value: str) -> str:
        before = text[: found.start()]
        if "://" in before:
            return quote(value, safe="") if _IN_URI.search(before) else value
        keyword = _KEYWORDS.match(before)
        if keyword is None:
            return value
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        is_plain = value and escaped == value and not re.search(r"\s", value)
        return escaped if keyword["quote"] or is_plain else f"'{escaped}'"

    return _replaced(text, spelled)


def in_sql(text: str) -> str:
    """SQL with what its variables hold: a text each, or a part of the one that it stands in."""

    def spelled(piece: re.Match[str]) -> str:
        if name := piece["alone"]:
            return "'" + value_of(name).replace("'", "''") + "'"
        mark = piece[0][0]
        if mark not in "'\"":
            return piece[0]
        return _replaced(piece[0], lambda _, value: value.replace(mark, mark * 2))

    return _PIECES.sub(spelled, text)


def known(text: str) -> str:
    """A text with what those of its variables hold that are set."""
    return _VARIABLE.sub(lambda found: os.environ.get(found[1], found[0]), text)


def _replaced(text: str, spelled: Callable[[re.Match[str], str], str]) -> str:
    return _VARIABLE.sub(lambda found: spelled(found, value_of(found[1])), text)
