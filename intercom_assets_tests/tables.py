"""Tables of streams in README and docs, made from the declarations.

`python -m intercom_assets_tests.tables` writes them anew; a test tells when that is due.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from intercom_assets.streams import GROUPS, STREAMS, BaseStream, ChildStream, NestedStream
from intercom_assets.streams.changed import ChangedStream
from intercom_assets.streams.newest_first import NewestFirstStream
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.whole import EveryParent, IncrementalStream

ROOT = Path(__file__).parent.parent


def groups() -> str:
    """A row a group: names only."""
    rows = [
        (
            group,
            _names(
                stream for stream in STREAMS.values() if stream.group == group and stream.default
            ),
            _names(
                stream
                for stream in STREAMS.values()
                if stream.group == group and not stream.default
            ),
        )
        for group in GROUPS
    ]
    return _table(("group", "read by default", "read when named"), rows)


def streams(group: str) -> str:
    """A row for each stream of a group."""
    rows = [
        (
            f"`{name}`",
            "" if stream.default else "when named",
            _sync(stream),
            ", ".join(f"`{column}`" for column in stream.unique_key()),
            _call(stream),
            _way(stream),
            stream.since or "",
        )
        for name, stream in STREAMS.items()
        if stream.group == group
    ]
    head = ("stream", "read", "sync", "key", "call", "how it is read", "since API version")
    return _table(head, rows)


def _names(found: Iterable[type[BaseStream]]) -> str:
    return ", ".join(f"`{stream.tap_stream_id}`" for stream in found)


def _sync(stream: type[BaseStream]) -> str:
    if getattr(stream, "append", False):
        return "incremental, only ever grows"
    if stream.replication_key is None:
        return "replaced"
    is_whole = issubclass(stream, IncrementalStream) and stream.batches is IncrementalStream.batches
    return "merged, read whole" if is_whole else "incremental"


def _call(stream: type[BaseStream]) -> str:
    if issubclass(stream, NestedStream):
        return "none of its own"
    method = "POST" if issubclass(stream, SearchStream) else "GET"
    return f"`{method} {stream.path}`"


def _way(stream: type[BaseStream]) -> str:
    parent = f"`{stream.parent.tap_stream_id}`" if stream.parent else ""
    if issubclass(stream, NestedStream):
        return f"comes with the records of {parent}, in one transaction"
    if issubclass(stream, ChildStream):
        return f"a call for each record of {parent} that changed"
    if issubclass(stream, EveryParent) or (parent and issubclass(stream, ChangedStream)):
        return f"a call for each record of {parent}"
    if issubclass(stream, SearchStream):
        return "search by `updated_at`"
    if issubclass(stream, ChangedStream):
        return f"asked for what is newer, by `{stream.changed_after}`"
    if issubclass(stream, NewestFirstStream):
        return "newest first, down to the bookmark"
    return "scroll" if stream.path.endswith("/scroll") else "all of it"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [tuple(head), ("---",) * len(tuple(head)), *map(tuple, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TABLES: dict[str, Callable[[], str]] = {
    "groups": groups,
    **{group: lambda group=group: streams(group) for group in GROUPS},
}
PAGES = (ROOT / "README.md", ROOT / "docs" / "streams.md")


def written(page: Path) -> str:
    """A page as it should be: what stands between the marks of a table is that table."""

    def table(match: re.Match[str]) -> str:
        return f"{match[1]}\n{TABLES[match[2]]()}\n{match[3]}"

    marks = r"(<!-- table: (\w+) -->)\n.*?(<!-- end of table -->)"
    return re.sub(marks, table, page.read_text("utf-8"), flags=re.DOTALL)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page), "utf-8")
