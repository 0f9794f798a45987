"""The commands that README and docs tell people to type, taken from the pages themselves."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "deploy/README.md")
PROGRAMS = (
    "cp", "dagster", "dagster-cloud", "dagster-daemon", "dagster-webserver", "dg", "docker", "git",
    "kubectl", "make", "pip", "python", "source", "tap-intercom-assets", "unset",
)  # fmt: skip
SHELLS = ("bash", "console", "sh")
_FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`]+)`")


class Command(NamedTuple):
    """A command as it stands on a page."""

    page: str
    text: str


def commands() -> list[Command]:
    """Every command of every page, in order: of its shell blocks, and those within its text."""
    pages = [ROOT / page for page in PAGES]
    pages += sorted((ROOT / "docs").glob("*.md"))
    return [
        Command(str(page.relative_to(ROOT)), text)
        for page in pages
        if page.exists()
        for text in _commands_of(page.read_text("utf-8"))
    ]


def _commands_of(text: str) -> Iterator[str]:
    at = 0
    for block in _FENCED.finditer(text):
        yield from _within(text[at : block.start()])
        if block[1] in SHELLS:
            for line in block[2].replace("\\\n", " ").splitlines():
                if command := _without_comment(line.strip().removeprefix("$ ")):
                    yield command
        at = block.end()
    yield from _within(text[at:])


def _within(text: str) -> Iterator[str]:
    for code in _INLINE.findall(text):
        words = code.split()
        # A program's name alone is no command, but for its name.
        if len(words) > 1 and words[0] in PROGRAMS:
            yield " ".join(words)


def _without_comment(line: str) -> str:
    lexer = shlex.shlex(line, posix=False, punctuation_chars=True)
    lexer.whitespace_split = True
    return " ".join(lexer)
