"""Asset checks, run inside an asset's step once its table is stored.

Each looks at what this run wrote, so that none stays red for ever: what was wrong once is told
once, and a run that wrote nothing finds nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg
import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.extraction import Extraction
from intercom_assets.streams import BaseStream
from intercom_assets.streams.collections.conversation_parts import ConversationParts
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.timestamps import to_iso
from intercom_assets.warehouse import HoldsTables, Warehouse
from intercom_assets.warehouse.bookkeeping import Bookkeeping
from intercom_assets.warehouse.names import SYNCED_AT, comma, path, quote

# A clock may be behind Intercom's by a few seconds without any harm.
TOLERANCE_SECONDS = 60


@dataclass(frozen=True)
class Stored:
    """What a check can look at.

    Attributes:
        connection: To the warehouse.
        schema: Schema of the tables.
        name: The stream's table.
        extraction: What was stored.
        began: When the run began, by this machine's clock, as the rows' `_synced_at` is.
    """

    connection: DuckDBPyConnection
    schema: str
    name: str
    extraction: Extraction
    began: datetime

    def table(self, name: str) -> str:
        """A table's qualified name."""
        return path(self.connection, self.schema, name)

    @property
    def own(self) -> str:
        """The stream's table."""
        return self.table(self.name)

    def ask(self, sql: str, values: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
        """The one row that a query gives."""
        row = self.connection.execute(sql, dict(values or {})).fetchone()
        return row or ()


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        passed: Whether all is well.
        message: What that means, and what to do about it.
        facts: Numbers.
    """

    passed: bool
    message: str
    facts: Mapping[str, int | str]


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: Its name.
        description: What it looks at.
        applies: To which streams.
        judge: Looks.
        severity: Of a failure.
    """

    name: str
    description: str
    applies: Callable[[type[BaseStream]], bool]
    judge: Callable[[Stored], Verdict]
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN


def check_specs(stream: type[BaseStream], key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of a stream's asset."""
    return [
        dg.AssetCheckSpec(check.name, asset=key, description=check.description)
        for check in CHECKS
        if check.applies(stream)
    ]


def run_checks(
    extraction: Extraction,
    key: dg.AssetKey,
    io_manager: Any,
    schema: str | None,
    began: datetime,
    selected: AbstractSet[dg.AssetCheckKey],
) -> Iterator[dg.AssetCheckResult]:
    """Yields the results of a stream's checks.

    Args:
        extraction: What was stored.
        key: The asset.
        io_manager: What stored it; checks that cannot look into it pass, and say so.
        schema: The asset's own schema.
        began: When the step began.
        selected: The checks that are wanted.
    """
    checks = [check for check in CHECKS if dg.AssetCheckKey(key, check.name) in selected]
    if not isinstance(io_manager, HoldsTables):
        for check in checks:
            yield dg.AssetCheckResult(
                passed=True,
                asset_key=key,
                check_name=check.name,
                description="not looked at: another IO manager stored the table",
            )
        return
    warehouse = io_manager.warehouse(schema)
    # As long as one connection is open, a further one costs next to nothing.
    with warehouse.connection():
        for check in checks:
            verdict = _verdict(check, warehouse, extraction.stream.tap_stream_id, extraction, began)
            yield dg.AssetCheckResult(
                passed=verdict.passed,
                asset_key=key,
                check_name=check.name,
                severity=check.severity,
                description=verdict.message,
                metadata=dict(verdict.facts),
            )


def lacking_checks(
    key: dg.AssetKey, problem: dg.Failure, selected: AbstractSet[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Yields the results of the checks of a stream that this workspace or token lacks.

    Args:
        key: The asset.
        problem: Why it cannot be read, and what to do about it.
        selected: The checks that are wanted.
    """
    for name in [wanted.name for wanted in selected if wanted.asset_key == key]:
        yield dg.AssetCheckResult(
            passed=name != READABLE,
            asset_key=key,
            check_name=name,
            severity=dg.AssetCheckSeverity.WARN,
            description=problem.description if name == READABLE else "not looked at: nothing came",
            metadata=problem.metadata if name == READABLE else {},
        )


def _verdict(
    check: Check, warehouse: Warehouse, table: str, extraction: Extraction, began: datetime
) -> Verdict:
    def look(connection: DuckDBPyConnection) -> Verdict:
        return _judge(check, Stored(connection, warehouse.schema, table, extraction, began))

    try:
        return warehouse.ask(look)
    except duckdb.OutOfMemoryException:
        # What was stored is stored, whether or not there is memory to look at it.
        return Verdict(True, "not looked at, because it takes more memory than there is", {})


def _judge(check: Check, stored: Stored) -> Verdict:
    try:
        return check.judge(stored)
    except duckdb.OutOfMemoryException:
        raise  # will do with more
    except duckdb.Error as problem:
        # Such as a column that is left out for privacy, or a table that was never read.
        return Verdict(True, f"not looked at, because of a {type(problem).__name__}", {})


def _keys(stored: Stored) -> Verdict:
    columns = type(stored.extraction.stream).unique_key()
    missing = " or ".join(f"{quote(name)} is null" for name in columns)
    names = comma(columns)
    # Of a large table only the keys that this run wrote are counted.
    written = f"select {names} from {stored.own} where {quote(SYNCED_AT)} >= $began"
    nulls, twice = stored.ask(
        f"select (select count(*) from {stored.own} where {missing}), (select count(*) from ("
        f"select {names} from {stored.own} where ({names}) in ({written}) "
        f"group by {names} having count(*) > 1))",
        {"began": stored.began},
    )
    return Verdict(
        not nulls and not twice,
        f"{nulls} rows have no {names}, {twice} keys are there more than once: did another program "
        "write the table? A full_refresh or dropping the table repairs it"
        if nulls or twice
        else f"{names} is there once in every row",
        {"null keys": nulls, "duplicate keys": twice},
    )


def _bookmark(stored: Stored) -> Verdict:
    bookmark = Bookkeeping(stored.connection, stored.schema).bookmark(stored.name)
    ahead = int(bookmark - stored.extraction.now())
    return Verdict(
        ahead <= TOLERANCE_SECONDS,
        f"the bookmark {to_iso(bookmark)} is {ahead} s ahead of Intercom's clock, so changes until "
        "then would be missed: report a materialization with an earlier intercom/bookmark"
        if ahead > TOLERANCE_SECONDS
        else f"the bookmark is {to_iso(bookmark)}",
        {"seconds ahead": max(0, ahead)},
    )


def _total(stored: Stored) -> Verdict:
    stream = stored.extraction.stream
    told = stream.total if isinstance(stream, SearchStream) else None
    if told is None:
        return Verdict(True, "Intercom told no total in this run, which read changes only", {})
    (rows,) = stored.ask(f"select count(*) from {stored.own}")
    return Verdict(
        rows >= told,
        f"Intercom told of {told} records and the table has {rows}: materialize again with "
        "full_refresh"
        if rows < told
        else f"Intercom told of {told} records, and the table has {rows}",
        {"rows": rows, "told": told},
    )


def _parents(stored: Stored) -> Verdict:
    (lost,) = stored.ask(
        f"select count(*) from {stored.own} where {quote(SYNCED_AT)} >= $began "
        f"and conversation_id not in (select id from {stored.table('conversations')})",
        {"began": stored.began},
    )
    return Verdict(
        not lost,
        f"{lost} parts belong to conversations that are not in the table: materialize "
        "conversations with full_refresh"
        if lost
        else "every part has its conversation",
        {"parts without conversation": lost},
    )


def _complete(stored: Stored) -> Verdict:
    """Counts the parts of conversations that this run read, in the form that they still have."""
    if "statistics" not in _columns(stored, "conversations"):
        return Verdict(True, "the conversations have no statistics to compare with", {})
    looked, short, truncated = stored.ask(
        f"""
        with read as (
            select c.id, try_cast(json_extract(
                c.statistics, '$.count_conversation_parts') as bigint) as told
            from {stored.table("conversations")} c
            join {stored.table("_ledger")} l on l.parent_id = c.id and l.stream = $stream
            where l.fetched_at >= to_timestamp($since) and l.updated_at = c.updated_at
                and l.fetched_at >= c.updated_at
        ), found as (
            select conversation_id as id, count(*) as parts, bool_or(_parts_truncated) as truncated
            from {stored.own} where conversation_id in (select id from read) group by 1
        )
        select count(told),
            count(*) filter (told > coalesce(parts, 0) and not coalesce(truncated, false)),
            count(*) filter (coalesce(truncated, false))
        from read left join found using (id)
        """,
        {
            "stream": stored.name,
            "since": int(stored.extraction.began),
        },
    )
    return Verdict(
        not short,
        f"{short} of {looked} conversations that were read have fewer parts than Intercom counts: "
        "materialize conversation_parts with full_refresh"
        if short
        else f"{looked} conversations were read and compared; {truncated} have more than the 500 "
        "parts that Intercom gives",
        {"conversations": looked, "incomplete": short, "truncated": truncated},
    )


def _columns(stored: Stored, table: str) -> set[str]:
    return {
        row[0] for row in stored.connection.execute(f"describe {stored.table(table)}").fetchall()
    }


def _is_parts(stream: type[BaseStream]) -> bool:
    return stream is ConversationParts


def _readable(stored: Stored) -> Verdict:
    return Verdict(True, "Intercom gives it to this token", {})


READABLE = "readable"
CHECKS = (
    Check(
        READABLE,
        "Scope, plan and API version allow the stream. Without them the step succeeds, and stores "
        "nothing.",
        lambda stream: stream.optional,
        _readable,
    ),
    Check(
        "keys_unique",
        "Keys are there, and each once.",
        lambda stream: True,
        _keys,
        dg.AssetCheckSeverity.ERROR,
    ),
    Check(
        "bookmark_not_ahead",
        "The bookmark is not in the future by Intercom's clock.",
        lambda stream: stream.replication_key is not None,
        _bookmark,
        dg.AssetCheckSeverity.ERROR,
    ),
    Check(
        "total_reached",
        "After a full read the table has as many rows as Intercom told of.",
        lambda stream: issubclass(stream, SearchStream),
        _total,
    ),
    Check(
        "parts_complete",
        "The conversations that were read have all the parts that Intercom counts.",
        _is_parts,
        _complete,
    ),
    Check(
        "parts_have_conversation",
        "Each part that was written belongs to a conversation in the table.",
        _is_parts,
        _parents,
    ),
)
