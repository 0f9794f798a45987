"""Jobs over the assets of one workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from intercom_assets.streams import STREAMS
from intercom_assets.translator import keys_by_stream

if TYPE_CHECKING:  # Dagster does not export what `define_asset_job` gives.
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

# Two runs of one workspace share its quota; a limit on this tag keeps them apart.
WORKSPACE_TAG = "intercom/workspace"
SUPPORT = ("conversations", "conversation_parts", "admin_list", "admins", "teams", "tags")


def build_intercom_jobs(
    assets: Sequence[dg.AssetsDefinition],
    name: str = "intercom",
    executor_def: dg.ExecutorDefinition | None = None,
    models: Sequence[dg.AssetsDefinition] = (),
    reports: Sequence[dg.AssetsDefinition] = (),
) -> list[UnresolvedAssetJobDefinition]:
    """Jobs: everything, a full refresh, a sweep, and support data only.

    Args:
        assets: Assets of one workspace.
        name: The workspace's name, with which the jobs' names begin.
        executor_def: What runs their steps; by default the code location's executor.
        models: What is built of the assets; the first two jobs build them, too.
        reports: What is made of the models; likewise.
    """
    common: dict[str, Any] = {"tags": {WORKSPACE_TAG: name}, "executor_def": executor_def}
    everything = dg.AssetSelection.assets(*assets, *models, *reports)
    support = [key for stream, key in keys_by_stream(assets).items() if stream in SUPPORT]
    jobs = [
        dg.define_asset_job(
            f"{name}_everything",
            everything,
            **common,
            description="What changed, of all streams, and the models.",
        ),
        dg.define_asset_job(
            f"{name}_full_refresh",
            everything,
            **common,
            config={
                "ops": {
                    asset.op.name: {"config": {"full_refresh": True}}
                    for asset in (*assets, *models)
                }
            },
            description="Reads everything anew, then marks what Intercom no longer has.",
        ),
    ]
    swept = {key for stream, key in keys_by_stream(assets).items() if STREAMS[stream].swept}
    if swept:
        ops = {asset.op.name for asset in assets if asset.keys & swept}
        jobs.append(
            dg.define_asset_job(
                f"{name}_sweep",
                dg.AssetSelection.assets(*swept),
                **common,
                config={"ops": {op: {"config": {"sweep": True}} for op in sorted(ops)}},
                description="Finds out what is gone at Intercom, by reading all records' keys.",
            )
        )
    if support:
        jobs.append(
            dg.define_asset_job(
                f"{name}_support",
                dg.AssetSelection.assets(*support),
                **common,
                description="What changed of conversations, their parts, teammates, teams, tags.",
            )
        )
    return jobs
