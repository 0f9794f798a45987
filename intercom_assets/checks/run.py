"""Runs the checks of a stream, and says what they found."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

import dagster as dg
import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.checks.catalogue import CHECKS, READABLE, Check
from intercom_assets.checks.stored import Stored, Verdict
from intercom_assets.extraction import Extraction
from intercom_assets.warehouse import HoldsTables, Warehouse


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
    checks = [
        check
        for check in CHECKS
        if check.applies(type(extraction.stream)) and dg.AssetCheckKey(key, check.name) in selected
    ]
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
        return _judge(check, Stored(connection, warehouse, table, extraction, began))

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
