"""The check that tells of columns that came, went or changed their type since the run before.

Dagster's own, `build_column_schema_change_checks`, takes a materialization that somebody reported
by hand, such as one that sets the bookmark back, for a table without columns.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any

import dagster as dg

from intercom_assets.observability import metadata

NAME = "column_schema_change"
# Reported by hand, all but the few that are looked for.
EVENTS_PER_PAGE, PAGES = 20, 10


def schema_check_spec(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check of an asset's columns."""
    return dg.AssetCheckSpec(NAME, asset=key, description="Columns are as in the run before.")


def check_schema(
    instance: dg.DagsterInstance, key: dg.AssetKey, selected: AbstractSet[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Yields the result, once the materialization is told; nothing if the check is not wanted."""
    if dg.AssetCheckKey(key, NAME) not in selected:
        return
    changed = _changed(*_newest(instance, key))
    yield dg.AssetCheckResult(
        passed=not changed,
        asset_key=key,
        check_name=NAME,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(changed) or "the columns are as in the run before",
    )


def _newest(
    instance: dg.DagsterInstance, key: dg.AssetKey
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The columns' types in the two newest materializations that tell them; the newest first."""
    found = list(islice(_columns(instance, key), 2))
    newest = found[0] if found else {}
    return newest, found[1] if len(found) > 1 else newest


def _columns(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[Mapping[str, str]]:
    cursor = None
    for _ in range(PAGES):
        page = instance.fetch_materializations(key, limit=EVENTS_PER_PAGE, cursor=cursor)
        for record in page.records:
            event = record.asset_materialization
            told: Any = event.metadata.get(metadata.COLUMN_SCHEMA) if event else None
            if isinstance(told, dg.TableSchemaMetadataValue):
                yield {column.name: column.type for column in told.schema.columns}
        if not page.has_more:
            return
        cursor = page.cursor


def _changed(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """What differs, in words."""
    found = {
        "added": [name for name in now if name not in before],
        "removed": [name for name in before if name not in now],
        "another type": [
            f"{name} ({before[name]} → {kind})"
            for name, kind in now.items()
            if before.get(name, kind) != kind
        ],
    }
    return [f"{what}: {', '.join(names)}" for what, names in found.items() if names]
