"""The job that keeps a DuckLake in order."""

import dagster as dg
from pydantic import Field, field_validator

from intercom_assets.warehouse.maintenance import (
    FILES_STAY_HOURS,
    LEAST_STAY_HOURS,
    Maintenance,
)
from intercom_assets.warehouse_resource import refusals_as_failures


class LakeMaintenanceConfig(dg.Config):
    """Run config of the job."""

    keep_days: float = Field(
        default=30.0,
        ge=0,
        description="Days for which one can still ask what a table was like. Default 30.",
    )
    files_stay_hours: float = Field(
        default=FILES_STAY_HOURS,
        description="Hours for which a file stays that nothing needs any more, because a query "
        "that is under way may read it, or a commit that is under way has written it. Default 24, "
        "at least 1.",
    )

    @field_validator("files_stay_hours")
    @classmethod
    def _is_longer_than_a_commit(cls, hours: float) -> float:
        if not hours >= LEAST_STAY_HOURS:
            raise ValueError(
                f"files_stay_hours is {hours:g} and has to be at least {LEAST_STAY_HOURS:g}: "
                "what a commit under way has written belongs to no snapshot yet, and would be "
                "removed as if a killed writer had left it"
            )
        return hours


def build_lake_maintenance_job(name: str, io_manager_key: str) -> dg.JobDefinition:
    """A job that flushes, expires, merges and cleans up a DuckLake, beside runs that write it.

    Args:
        name: The workspace's name, with which the job's name begins.
        io_manager_key: What stores its tables.
    """

    @dg.op(name=f"{name}_lake_maintenance_op", required_resource_keys={io_manager_key})
    def maintain(context: dg.OpExecutionContext, config: LakeMaintenanceConfig) -> None:
        """Flushes, expires, merges and cleans up."""
        store = getattr(context.resources, io_manager_key)
        with refusals_as_failures():
            warehouse = store.warehouse(say=context.log.warning)
            for what, count in Maintenance(
                warehouse, config.keep_days, config.files_stay_hours
            ).run():
                context.log.info(f"{count} {what}")

    @dg.job(
        name=f"{name}_lake_maintenance",
        description="Writes small rows to files, forgets old snapshots, merges small files and "
        "removes those that nothing needs.",
    )
    def maintenance() -> None:
        maintain()

    return maintenance
