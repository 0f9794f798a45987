"""The grammar of Intercom's search: groups of filters, compiled into tests of records."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from intercom_assets.sandbox.calls import ApiError
from intercom_assets.sandbox.dates import Days, Instants, Interval
from intercom_assets.sandbox.fields import Field, Fields
from intercom_assets.sandbox.index import Record
from intercom_assets.sandbox.operators import (
    OPERATORS,
    TEXT_OPERATORS,
    mismatch,
    test_of,
    whole_number,
)

Matches = Callable[[Record], bool]

MAX_LEVELS = 2
MAX_FILTERS = 15


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


def compile_query(fields: Fields, query: object, dates: Days | Instants) -> Condition:
    """Checks and compiles the ``query`` of a search.

    Raises:
        ApiError: When it breaks the grammar.
    """
    if query is None:
        raise ApiError(400, "parameter_missing", "query is required")
    return Compiler(fields, dates).condition(query, 1)


class Compiler:
    """Compiles queries of one collection."""

    def __init__(self, fields: Fields, dates: Days | Instants) -> None:
        self.fields = fields
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
        field = self.fields.find(name)
        if not isinstance(operator, str) or operator not in OPERATORS:
            raise _invalid(f"{operator!r} is not an operator")
        if field.operators and operator not in field.operators:
            raise _invalid(f"{operator} is not supported for {name}")
        if (operator in ("IN", "NIN")) != isinstance(value, list):
            raise mismatch(name, "IN and NIN take a list, other operators a single value")
        if field.kind == "date":
            return self.date_filter(name, field, operator, value)
        return Condition(_read_by(field, operator, test_of(name, field.kind, operator, value)))

    def date_filter(self, name: str, field: Field, operator: str, value: object) -> Condition:
        """Compiles a filter on a time."""
        if operator in TEXT_OPERATORS:
            raise mismatch(name, f"{operator} compares strings only")
        self.dates.check(operator)
        wanted = value if isinstance(value, list) else [value]
        times = [whole_number(name, each) for each in wanted]
        if operator in ("IN", "NIN", "!="):
            negated = operator != "IN"
            return Condition(lambda record: (field.read(record) in times) != negated)
        interval = self.dates.interval(operator, times[0])

        def matches(record: Record) -> bool:
            found = field.read(record)
            return isinstance(found, int | float) and interval[0] <= found * 1000 < interval[1]

        return Condition(matches, interval if name == "updated_at" else None)


def _read_by(field: Field, operator: str, test: Callable[[Any], bool]) -> Matches:
    """The test of a record; of many values one has to fit, or none must if it is a denial."""
    if not field.many:
        return lambda record: test(field.read(record))
    if operator in ("!=", "NIN", "!~"):
        return lambda record: all(test(value) for value in field.read(record))
    return lambda record: any(test(value) for value in field.read(record))


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


def _invalid(message: str) -> ApiError:
    return ApiError(400, "parameter_invalid", message)


EVERYTHING = Condition(lambda record: True, (-math.inf, math.inf))
