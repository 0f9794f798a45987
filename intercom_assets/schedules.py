"""Schedules of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:  # Dagster does not export what `define_asset_job` gives.
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

# Sunday night.
SWEEP_CRON = "0 3 * * 0"


def build_intercom_schedule(
    job: UnresolvedAssetJobDefinition,
    cron_schedule: str = "0 * * * *",
    description: str = "Runs everything: what changed, of all streams.",
) -> dg.ScheduleDefinition:
    """A schedule, stopped until somebody starts it.

    Args:
        job: What it runs.
        cron_schedule: When, by default every hour.
        description: For people.
    """
    return dg.ScheduleDefinition(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=cron_schedule,
        description=description,
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
