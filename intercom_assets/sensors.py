"""Sensors that run what changed, stopped until somebody starts them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from intercom_assets.client.errors import IntercomError, PermissionDenied, RetriableError
from intercom_assets.jobs import WORKSPACE_TAG
from intercom_assets.outstanding import Outlook, landed
from intercom_assets.resources import IntercomResource
from intercom_assets.streams import STREAMS, BaseStream
from intercom_assets.streams.availability import is_lacking
from intercom_assets.streams.newest import is_watched, newest
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
    """A sensor that asks Intercom whether anything changed, and runs what of it has not landed.

    One small request a stream whose changes can be asked for: by a search, by a parameter, or
    because its list begins with the newest. Companies cannot be asked so cheaply; they and the
    settings are the schedule's, as are logs, to which something is always added. What has landed
    by whatever run is not asked for again; what has not, because a run failed or was killed, is,
    after ever longer waits.

    Args:
        assets: Assets of one workspace.
        name: The workspace's name.
        job: What it runs parts of; with the job comes its executor.
        resource_key: Resource that is the `IntercomResource`.
        minimum_interval_seconds: How often it asks, at the most.
    """
    keys = keys_by_stream(assets)
    wanted = {
        stream: [keys[stream], *(key for other, key in keys.items() if STREAMS[other].parent is of)]
        for stream, of in STREAMS.items()
        if stream in keys and is_watched(of)
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
        if _is_under_way(context.instance, name, set(keys.values())):
            return dg.SkipReason("a run of this workspace is under way")
        resource: IntercomResource = getattr(context.resources, resource_key)
        known = {stream: landed(context.instance, wanted[stream]) for stream in wanted}
        try:
            now = _newest_of(known, resource, context)
        except RetriableError as problem:
            return dg.SkipReason(f"Intercom does not answer now: {problem}")
        cursor = json.loads(context.cursor or "{}")
        outlooks = {
            stream: Outlook(*cursor.get(stream, ())).after(moment, known[stream])
            for stream, moment in now.items()
            if moment is not None
        }
        due = {
            stream: outlook.asking(time.time())
            for stream, outlook in outlooks.items()
            if outlook.is_due(time.time(), minimum_interval_seconds)
        }
        return _result(now, outlooks | due, due, wanted, name)

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
        description="Runs what is read for the rows of another stream, such as conversation parts, "
        "when that one has been run.",
    )


def _newest_of(
    known: Mapping[str, int | None], resource: IntercomResource, context: dg.SensorEvaluationContext
) -> dict[str, int | None]:
    found = {}
    with resource.hasty_client() as client:
        for name, bookmark in known.items():
            stream: Any = STREAMS[name](client)
            # What shows up late lies behind the bookmark.
            since = max((bookmark or 0) - stream.default_run().lookback, 0)
            try:
                found[name] = newest(stream, since)
            except IntercomError as problem:
                if not _is_of_one_stream(STREAMS[name], problem):
                    raise
                context.log.warning(f"{name} is not watched: {problem}")
    return found


def _is_of_one_stream(stream: type[BaseStream], problem: IntercomError) -> bool:
    return isinstance(problem, PermissionDenied) or is_lacking(stream, problem)


def _result(
    now: Mapping[str, int | None],
    outlooks: Mapping[str, Outlook],
    due: Mapping[str, Outlook],
    wanted: Mapping[str, Sequence[dg.AssetKey]],
    name: str,
) -> dg.SensorResult:
    cursor = json.dumps(outlooks)
    if not due:
        waiting = [stream for stream, outlook in outlooks.items() if outlook.outstanding]
        reason = "nothing changed"
        if waiting:
            reason = f"{', '.join(waiting)}: several runs have not landed it; asked again later"
        return dg.SensorResult(skip_reason=reason, cursor=cursor)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=" ".join(f"{stream}:{now[stream]}:{due[stream].key}" for stream in due),
                asset_selection=[key for stream in due for key in wanted[stream]],
                tags={WORKSPACE_TAG: name},
            )
        ],
        cursor=cursor,
    )


def _is_under_way(instance: dg.DagsterInstance, name: str, keys: set[dg.AssetKey]) -> bool:
    """Whoever started it: a run by mouse or from a terminal has no tag of ours, but our assets."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(UNDER_WAY)))
    return any(
        run.tags.get(WORKSPACE_TAG) == name or keys & _planned(instance, run.run_id) for run in runs
    )


def _planned(instance: dg.DagsterInstance, run_id: str) -> set[dg.AssetKey]:
    page = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    )
    return {record.asset_key for record in page.records if record.asset_key}
