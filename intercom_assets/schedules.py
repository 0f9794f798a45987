"""Schedules of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:  # Dagster does not export what `define_asset_job` gives.
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

# By how a job's name ends: when, and what for. On Sundays, and each night between full hours.
SELDOM = {
    "sweep": ("0 3 * * 0", "Once a week: what is gone at Intercom."),
    "lake_maintenance": ("30 2 * * *", "Once a day: small files merged, old snapshots forgotten."),
}


def build_intercom_schedules(
    jobs: Sequence[UnresolvedAssetJobDefinition | dg.JobDefinition],
    name: str,
    cron_schedule: str = "0 * * * *",
) -> list[dg.ScheduleDefinition]:
    """The schedules of a workspace: everything, and what is done once a week or a day.

    Args:
        jobs: Its jobs, of which the first is everything.
        name: The workspace's name, with which the jobs' names begin.
        cron_schedule: When everything runs.
    """
    seldom = {f"{name}_{ending}": when for ending, when in SELDOM.items()}
    return [
        build_intercom_schedule(jobs[0], cron_schedule),
        *(build_intercom_schedule(job, *seldom[job.name]) for job in jobs if job.name in seldom),
    ]


def build_intercom_schedule(
    job: UnresolvedAssetJobDefinition | dg.JobDefinition,
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
