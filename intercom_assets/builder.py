"""Composes the Definitions of one workspace from the package's parts."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from intercom_assets.assets import IO_MANAGER_KEY, RESOURCE_KEY, build_intercom_assets
from intercom_assets.erasing import build_erase_job
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.jobs import build_intercom_jobs
from intercom_assets.lake_maintenance import build_lake_maintenance_job
from intercom_assets.models.assets import relation_specs
from intercom_assets.models.building import MODELS_SCHEMA
from intercom_assets.models.model_assets import build_intercom_models
from intercom_assets.report.asset import build_support_report
from intercom_assets.resources import IntercomResource
from intercom_assets.schedules import build_intercom_schedules
from intercom_assets.sensors import build_automation_sensor, build_intercom_sensor
from intercom_assets.threads.garbage import fewer_collections
from intercom_assets.translator import identifier, keys_by_stream, parts_of
from intercom_assets.warehouse_resource import WarehouseResource, is_lake


# What is made here stays: to look through it for garbage takes a quarter of the time.
@fewer_collections()
def build_intercom_definitions(
    intercom: IntercomResource | None = None,
    database: str | None = None,
    *,
    warehouse: str | WarehouseResource | None = None,
    connection_config: Mapping[str, Any] | None = None,
    key_prefix: str | Sequence[str] = (),
    schema: str | None = None,
    streams: str | Iterable[str] | None = None,
    io_manager_key: str | None = None,
    io_manager: Mapping[str, Any] | None = None,
    cron_schedule: str = "0 * * * *",
    models: bool | None = None,
    fivetran_schema: str | None = None,
    **options: Any,
) -> dg.Definitions:
    """Everything for one workspace: assets, checks, resources, jobs, schedules and sensors.

    `dagster.Definitions.merge` puts several workspaces into one code location. The location's own
    executor is left to the project: the jobs carry the one that suits them.

    Args:
        intercom: The workspace; by default what the environment says.
        database: A DuckDB file; short for `warehouse`.
        warehouse: A DuckDB file, ``md:name`` for MotherDuck, ``ducklake:`` with its catalogue, or a
            resource that says more; by default what ``INTERCOM_WAREHOUSE`` says, else
            ``INTERCOM_DUCKDB_PATH``, else ``intercom.duckdb``.
        connection_config: Configuration of DuckDB's connections; what a resource says itself wins.
        key_prefix: What the assets' keys begin with; the names of resources, jobs and sensors too.
        schema: Schema of the tables; by default ``intercom``, or the key prefix.
        streams: Names of streams and groups, see `build_intercom_assets`.
        io_manager_key: Your own IO manager, to be defined elsewhere, instead of ours.
        io_manager: Further fields of our IO manager.
        cron_schedule: When the schedule runs everything.
        models: Whether there are relations and models; by default what ``INTERCOM_MODELS`` says,
            else yes, unless the IO manager is your own.
        fivetran_schema: Schema of views of Fivetran's names; by default what
            ``INTERCOM_FIVETRAN_SCHEMA`` says, after the key prefix, else none.
        **options: See `build_intercom_assets`.

    Raises:
        ValueError: For a name that no stream has, more than one warehouse, or what only our own IO
            manager can heed beside one of yours.
    """
    prefix = parts_of(key_prefix)
    name = identifier(RESOURCE_KEY, *prefix)
    store_key = io_manager_key or identifier(IO_MANAGER_KEY, *prefix)
    resources: dict[str, Any] = {
        name: intercom or IntercomResource(access_token=dg.EnvVar("INTERCOM_ACCESS_TOKEN"))
    }
    own = {
        "database": database,
        "warehouse": warehouse,
        "connection_config": connection_config,
        "schema": schema,
        "io_manager": io_manager,
    }
    if io_manager_key is None:
        where = _warehouse(database, warehouse, connection_config)
        resources[store_key] = IntercomDuckDBIOManager(
            duckdb=where,
            schema_name=schema or identifier(*prefix) or "intercom",
            **(io_manager or {}),
        )
    elif given := [argument for argument, value in own.items() if value]:
        raise ValueError(
            f"{', '.join(given)}: for our own IO manager, and io_manager_key names another one. "
            "Leave one of them out"
        )
    if models is None:
        models = io_manager_key is None and _is_on("INTERCOM_MODELS")
    assets = build_intercom_assets(
        streams,
        key_prefix=prefix,
        resource_key=name,
        io_manager_key=store_key,
        **{"relations": models, **options},
        fivetran_schema=_fivetran_schema(prefix) if fivetran_schema is None else fivetran_schema,
    )
    tables = keys_by_stream(assets) if models else {}
    made: dict[str, Any] = {
        "key_prefix": prefix,
        "models_schema": identifier(*prefix, MODELS_SCHEMA),
        "io_manager_key": store_key,
    }
    built = build_intercom_models(tables, **made)
    reports = [build_support_report([asset.key for asset in built], **made)] if built else []
    jobs: list[Any] = build_intercom_jobs(assets, name, steps_executor(), built, reports)
    if io_manager_key is None:
        lakes = [build_lake_maintenance_job(name, store_key)] if is_lake(where) else []
        jobs += [*lakes, build_erase_job(name, store_key)]
    return dg.Definitions(
        assets=[*assets, *relation_specs(tables), *built, *reports],
        resources=resources,
        jobs=jobs,
        schedules=build_intercom_schedules(jobs, name, cron_schedule),
        sensors=[
            build_intercom_sensor(assets, name=name, job=jobs[0], resource_key=name),
            build_automation_sensor([*assets, *built, *reports], name),
        ],
    )


def _warehouse(
    database: str | None,
    warehouse: str | WarehouseResource | None,
    connection_config: Mapping[str, Any] | None,
) -> WarehouseResource:
    if warehouse is not None and database is not None:
        raise ValueError("database and warehouse both say where the tables are: give one of them")
    if isinstance(warehouse, WarehouseResource):
        return warehouse.with_config(connection_config) if connection_config else warehouse
    return WarehouseResource.of_environment(
        database=warehouse or database, connection_config=dict(connection_config or {})
    )


def _fivetran_schema(prefix: Sequence[str]) -> str | None:
    name = os.environ.get("INTERCOM_FIVETRAN_SCHEMA")
    # Two workspaces must not have the same one.
    return identifier(*prefix, name) if name else None


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in ("0", "false", "no", "off")


def steps_executor() -> dg.ExecutorDefinition:
    """What runs the steps of Intercom's jobs: threads, or one step after the other."""
    # A process for each step costs some six seconds of start-up; twelve of them most of a minute.
    try:
        from intercom_assets.executor import threads_executor
    except ImportError:
        # It stands on what Dagster calls internal. Without it streams are read one after the other.
        return dg.in_process_executor
    return threads_executor
