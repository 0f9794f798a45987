"""The operators of a search, as tests of a value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from intercom_assets.sandbox.calls import ApiError

Test = Callable[[Any], bool]

TEXT_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "~": lambda value, wanted: wanted in value,
    "!~": lambda value, wanted: wanted not in value,
    "^": str.startswith,
    "$": str.endswith,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda value, wanted: value > wanted,
    "<": lambda value, wanted: value < wanted,
    ">=": lambda value, wanted: value >= wanted,
    "<=": lambda value, wanted: value <= wanted,
}
OPERATORS = {"=", "!=", "IN", "NIN", *TEXT_OPERATORS, *COMPARISONS}
_MOST_DIGITS = 300
_ID_DIGITS = 24


def test_of(name: str, kind: str, operator: str, value: Any) -> Test:
    """The test that an operator and a value make of fields of a kind.

    Raises:
        ApiError: type_mismatch, when they do not go with each other.
    """
    if operator in TEXT_OPERATORS:
        return _text(name, kind, operator, value)
    if operator in COMPARISONS:
        return _comparison(name, kind, operator, value)
    return _membership(name, kind, operator, value)


def _text(name: str, kind: str, operator: str, value: object) -> Test:
    if kind not in ("string", "id", "any") or not isinstance(value, str):
        raise mismatch(name, f"{operator} compares strings only")
    test, wanted = TEXT_OPERATORS[operator], value.lower()
    return lambda found: test(str(found or "").lower(), wanted)


def _comparison(name: str, kind: str, operator: str, value: object) -> Test:
    compare = COMPARISONS[operator]
    if kind == "id":
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise mismatch(name, "takes an id")
        # An empty text comes before every id: so a walk by id begins.
        floor = id_order(value)
        return lambda found: found is not None and compare(id_order(found), floor)
    if kind not in ("integer", "any"):
        raise mismatch(name, f"{operator} compares numbers and dates only")
    wanted = whole_number(name, value) if kind == "integer" else number(name, value)

    def test(found: Any) -> bool:
        held = _as_number(found)
        return held is not None and compare(held, wanted)

    return test


def _membership(name: str, kind: str, operator: str, value: Any) -> Test:
    wanted = value if isinstance(value, list) else [value]
    negated = operator in ("!=", "NIN")
    if kind == "integer":
        numbers = [None if each is None else whole_number(name, each) for each in wanted]
        return lambda found: (_as_number(found) in numbers) != negated
    if kind == "id":
        if not all(each is None or isinstance(each, str | int) for each in wanted):
            raise mismatch(name, "takes an id")
        ids = [None if each is None else str(each) for each in wanted]
        return lambda found: ((None if found is None else str(found)) in ids) != negated
    expected = {"string": str, "boolean": bool}.get(kind)
    if expected and not all(each is None or isinstance(each, expected) for each in wanted):
        raise mismatch(name, f"takes a {kind}")
    return lambda found: (found in wanted) != negated


def id_order(value: object) -> str:
    """A text that sorts as ids do: numbers by their size, and nothing before all else."""
    text = str(value)
    return text.zfill(_ID_DIGITS) if _is_whole(text) else text


def number(name: str, value: Any) -> int | float:
    """A number as a search may state it: also as digits.

    Raises:
        ApiError: type_mismatch.
    """
    if isinstance(value, str) and _is_whole(value):
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    raise mismatch(name, "takes a number")


def whole_number(name: str, value: Any) -> int:
    """A whole number as a search may state it: also as digits, or as 7.0.

    Raises:
        ApiError: type_mismatch.
    """
    found = number(name, value)
    if found != int(found):
        raise mismatch(name, "takes an integer")
    return int(found)


def mismatch(name: str, message: str) -> ApiError:
    """The error for a value or an operator of another type."""
    return ApiError(400, "type_mismatch", f"{name}: {message}")


def _is_whole(text: str) -> bool:
    digits = text[1:] if text.startswith("-") else text
    return digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS


def _as_number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    return int(value) if isinstance(value, str) and _is_whole(value) else None
