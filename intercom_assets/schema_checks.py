"""The check that tells of columns that came, went or changed their type since the run before.

Dagster's own, `build_column_schema_change_checks`, takes a materialization that somebody reported
by hand, such as one that sets the bookmark back, for a table without columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import dagster as dg

from intercom_assets.observability import metadata

NAME = "column_schema_change"
# Reported by hand, all but the few that are looked for.
EVENTS_PER_PAGE, PAGES = 20, 10


def build_schema_checks(
    assets: Sequence[dg.AssetsDefinition], name: str
) -> list[dg.AssetChecksDefinition]:
    """One check of each asset's columns, all of them one step.

    Args:
        assets: The assets.
        name: What the step's name begins with.
    """
    keys = [key for asset in assets for key in asset.keys]

    @dg.multi_asset_check(
        name=f"{name}_{NAME}",
        specs=[
            dg.AssetCheckSpec(NAME, asset=key, description="Columns are as in the run before.")
            for key in keys
        ],
        description="Tells of columns that came, went or changed their type since the run before.",
        can_subset=True,
    )
    def schema_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for check in sorted(context.selected_asset_check_keys, key=str):
            changed = _changed(*_newest(context.instance, check.asset_key))
            yield dg.AssetCheckResult(
                passed=not changed,
                asset_key=check.asset_key,
                check_name=NAME,
                severity=dg.AssetCheckSeverity.WARN,
                description="; ".join(changed) or "the columns are as in the run before",
            )

    return [schema_checks]


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
