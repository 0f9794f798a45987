"""The grammar of Intercom's search: groups of filters, compiled into tests of records."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from intercom_assets.sandbox.calls import ApiError
from intercom_assets.sandbox.dates import Days, Instants, Interval
from intercom_assets.sandbox.fields import field_kind, value_at
from intercom_assets.sandbox.index import Record

Matches = Callable[[Record], bool]

MAX_LEVELS = 2
MAX_FILTERS = 15
TEXT_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "~": lambda value, wanted: wanted in value,
    "!~": lambda value, wanted: wanted not in value,
    "^": str.startswith,
    "$": str.endswith,
}
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    ">": lambda value, wanted: value > wanted,
    "<": lambda value, wanted: value < wanted,
    ">=": lambda value, wanted: value >= wanted,
    "<=": lambda value, wanted: value <= wanted,
}
OPERATORS = {"=", "!=", "IN", "NIN", *TEXT_OPERATORS, *COMPARISONS}


@dataclass(frozen=True)
class Condition:
    """A compiled filter or group.

    Attributes:
        matches: Whether a record fits.
        interval: The stretch of updated_at it asks for, if that is all or part of it.
        rest: What the interval does not decide; None when it decides everything.
    """

    matches: Matches
    interval: Interval | None = None
    rest: Matches | None = None


def compile_query(collection: str, query: object, dates: Days | Instants) -> Condition:
    """Checks and compiles the ``query`` of a search.

    Raises:
        ApiError: When it breaks the grammar.
    """
    if query is None:
        raise ApiError(400, "parameter_missing", "query is required")
    return Compiler(collection, dates).condition(query, 1)


class Compiler:
    """Compiles queries of one collection."""

    def __init__(self, collection: str, dates: Days | Instants) -> None:
        self.collection = collection
        self.dates = dates

    def condition(self, node: object, level: int) -> Condition:
        """Compiles a node; a group counts as a level, a filter does not."""
        if not isinstance(node, Mapping):
            raise _invalid("a query must be an object")
        if "field" in node:
            return self.filter(node)
        return self.group(node, level)

    def group(self, node: Mapping[str, Any], level: int) -> Condition:
        """Compiles an AND or OR."""
        operator, nodes = node.get("operator"), node.get("value")
        if operator not in ("AND", "OR") or not isinstance(nodes, list) or not nodes:
            raise _invalid("a group needs the operator AND or OR and a list of filters")
        if level > MAX_LEVELS:
            raise _invalid(f"queries can be nested {MAX_LEVELS} levels deep")
        if len(nodes) > MAX_FILTERS:
            raise _invalid(f"a group can hold {MAX_FILTERS} filters")
        parts = [self.condition(part, level + 1) for part in nodes]
        return _all(parts) if operator == "AND" else _any(parts)

    def filter(self, node: Mapping[str, Any]) -> Condition:
        """Compiles one filter."""
        name, operator, value = node["field"], node.get("operator"), node.get("value")
        kind = field_kind(self.collection, name)
        if operator not in OPERATORS:
            raise _invalid(f"{operator!r} is not an operator")
        if (operator in ("IN", "NIN")) != isinstance(value, list):
            raise _mismatch(name, "IN and NIN take a list, other operators a single value")
        if kind == "date":
            return self.date_filter(name, operator, value)
        return Condition(_plain_filter(name, kind, operator, value))

    def date_filter(self, name: str, operator: str, value: object) -> Condition:
        """Compiles a filter on a time."""
        wanted = value if isinstance(value, list) else [value]
        times = [_whole_number(name, each) for each in wanted]
        if operator in ("IN", "NIN", "!="):
            self.dates.check(operator)
            return Condition(_membership(lambda record: record.get(name), times, operator))
        interval = self.dates.interval(operator, times[0])

        def matches(record: Record) -> bool:
            found = record.get(name)
            return found is not None and interval[0] <= found * 1000 < interval[1]

        return Condition(matches, interval if name == "updated_at" else None)


def _all(parts: list[Condition]) -> Condition:
    intervals = [part.interval for part in parts if part.interval]
    rests = [part.rest if part.interval else part.matches for part in parts]
    rest = [matches for matches in rests if matches]
    return Condition(
        lambda record: all(part.matches(record) for part in parts),
        (max(start for start, _ in intervals), min(end for _, end in intervals))
        if intervals
        else None,
        (lambda record: all(matches(record) for matches in rest)) if rest else None,
    )


def _any(parts: list[Condition]) -> Condition:
    if len(parts) == 1:
        return parts[0]
    return Condition(lambda record: any(part.matches(record) for part in parts))


def _plain_filter(name: str, kind: str, operator: str, value: Any) -> Matches:
    read = value_at(name)
    if operator in TEXT_OPERATORS:
        return _text_filter(name, kind, operator, value)
    if operator in COMPARISONS:
        return _comparison(name, kind, operator, value)
    wanted = value if isinstance(value, list) else [value]
    if kind == "integer":
        wanted = [None if each is None else _whole_number(name, each) for each in wanted]
        return _membership(lambda record: _as_int(read(record)), wanted, operator)
    expected = {"string": str, "boolean": bool}.get(kind)
    if expected and not all(each is None or isinstance(each, expected) for each in wanted):
        raise _mismatch(name, f"takes a {kind}")
    return _membership(read, wanted, operator)


def _text_filter(name: str, kind: str, operator: str, value: object) -> Matches:
    if kind not in ("string", "any") or not isinstance(value, str):
        raise _mismatch(name, f"{operator} compares strings only")
    test, wanted, read = TEXT_OPERATORS[operator], value.lower(), value_at(name)
    return lambda record: test(str(read(record) or "").lower(), wanted)


def _comparison(name: str, kind: str, operator: str, value: object) -> Matches:
    if kind not in ("integer", "any"):
        raise _mismatch(name, f"{operator} compares numbers and dates only")
    test, wanted, read = COMPARISONS[operator], _whole_number(name, value), value_at(name)

    def matches(record: Record) -> bool:
        found = _as_int(read(record))
        return found is not None and test(found, wanted)

    return matches


def _membership(read: Callable[[Record], Any], wanted: list[Any], operator: str) -> Matches:
    negated = operator in ("!=", "NIN")
    return lambda record: (read(record) in wanted) != negated


def _as_int(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None


def _whole_number(name: str, value: Any) -> int:
    digits = isinstance(value, str) and value.lstrip("-").isdecimal() and value.isascii()
    if digits or (isinstance(value, int) and not isinstance(value, bool)):
        return int(value)
    raise _mismatch(name, "takes an integer")


def _invalid(message: str) -> ApiError:
    return ApiError(400, "parameter_invalid", message)


def _mismatch(name: str, message: str) -> ApiError:
    return ApiError(400, "type_mismatch", f"{name}: {message}")


EVERYTHING = Condition(lambda record: True, (-math.inf, math.inf))
