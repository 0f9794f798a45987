"""Sensors that run what changed, stopped until somebody starts them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import RetriableError
from intercom_assets.client.pagination import search_pages
from intercom_assets.jobs import WORKSPACE_TAG
from intercom_assets.resources import IntercomResource
from intercom_assets.streams import STREAMS
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.translator import keys_by_stream

if TYPE_CHECKING:  # Dagster does not export what `define_asset_job` gives.
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def build_intercom_sensor(
    assets: Sequence[dg.AssetsDefinition],
    *,
    name: str = "intercom",
    job: UnresolvedAssetJobDefinition | None = None,
    resource_key: str = "intercom",
    minimum_interval_seconds: int = 120,
) -> dg.SensorDefinition:
    """A sensor that asks Intercom whether anything changed, and runs only what did.

    One request of one record a stream that can be searched. Companies cannot be asked so cheaply;
    they and the settings are the schedule's.

    Args:
        assets: Assets of one workspace.
        name: The workspace's name.
        job: What it runs parts of; with the job comes its executor.
        resource_key: Resource that is the `IntercomResource`.
        minimum_interval_seconds: How often it asks, at the most.
    """
    keys = keys_by_stream(assets)
    searched: dict[str, type[SearchStream]] = {
        stream: of
        for stream, of in STREAMS.items()
        if stream in keys and issubclass(of, SearchStream)
    }
    followers = {
        stream: [key for other, key in keys.items() if STREAMS[other].parent is of]
        for stream, of in searched.items()
    }

    @dg.sensor(
        name=f"{name}_changes",
        target=job or dg.AssetSelection.assets(*assets),
        minimum_interval_seconds=minimum_interval_seconds,
        required_resource_keys={resource_key},
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Asks Intercom whether anything changed, and runs only the assets that did.",
    )
    def changes(context: dg.SensorEvaluationContext) -> Any:
        if _is_under_way(context.instance, name):
            return dg.SkipReason("a run of this workspace is under way")
        resource: IntercomResource = getattr(context.resources, resource_key)
        seen: dict[str, int] = json.loads(context.cursor or "{}")
        try:
            now = {stream: newest(resource.client(), of) for stream, of in searched.items()}
        except RetriableError as problem:
            return dg.SkipReason(f"Intercom does not answer now: {problem}")
        moved = {
            stream: moment
            for stream, moment in now.items()
            if moment is not None and moment != seen.get(stream)
        }
        if not moved:
            return dg.SkipReason("nothing changed")
        selection = [key for stream in moved for key in (keys[stream], *followers[stream])]
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=" ".join(f"{stream}:{moment}" for stream, moment in moved.items()),
                    asset_selection=selection,
                    tags={WORKSPACE_TAG: name},
                )
            ],
            cursor=json.dumps({**seen, **moved}),
        )

    return changes


def build_automation_sensor(
    assets: Sequence[dg.AssetsDefinition], name: str = "intercom"
) -> dg.AutomationConditionSensorDefinition:
    """A sensor that runs children when their parents changed, by their automation conditions."""
    return dg.AutomationConditionSensorDefinition(
        f"{name}_automation",
        target=dg.AssetSelection.assets(*assets),
        run_tags={WORKSPACE_TAG: name},
        default_status=dg.DefaultSensorStatus.STOPPED,
    )


def newest(client: IntercomClient, stream: type[SearchStream]) -> int | None:
    """When a stream's newest record changed, epoch seconds; None if it has no records."""
    pages = search_pages(
        client,
        stream.path,
        {"field": "updated_at", "operator": ">", "value": 0},
        order="descending",
        key=stream.data_key,
        page_size=1,
    )
    records = next(pages).records
    return parse_epoch(records[0].get("updated_at")) if records else None


def _is_under_way(instance: dg.DagsterInstance, name: str) -> bool:
    wanted = dg.RunsFilter(tags={WORKSPACE_TAG: name}, statuses=list(UNDER_WAY))
    return instance.get_runs_count(wanted) > 0
