"""What a benchmark found, and whether that is good enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One number.

    Attributes:
        what: What was measured.
        value: This run's number.
        goal: What it must not exceed, or must reach.
        unit: Of both.
        at_least: Whether more is better.
    """

    what: str
    value: float
    goal: float
    unit: str
    at_least: bool = False

    @property
    def ratio(self) -> str:
        """Of the number to its goal."""
        return f"{self.value / self.goal:.2f}" if self.goal else ""

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def table(results: Iterable[Result]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| what | this run | goal | ratio | |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for result in results:
        sign = "≥" if result.at_least else "≤"
        lines.append(
            f"| {result.what} | {result.value:,.4g} {result.unit} "
            f"| {sign} {result.goal:,.4g} {result.unit} | {result.ratio} "
            f"| {'reached' if result.reached else '**missed**'} |"
        )
    return "\n".join(lines)
