"""Intercom in DuckDB, as Dagster software-defined assets.

The names below are loaded when they are asked for, so that `intercom_assets.client` and
`intercom_assets.streams` can be used without importing Dagster.
"""

from importlib import import_module
from typing import Any

from intercom_assets.version import __version__

_HOMES = {
    "defs": "definitions",
    "IntercomResource": "resources",
    "IntercomDuckDBIOManager": "io_manager",
    "IntercomStreamProps": "translator",
    "IntercomSync": "sync",
    "IntercomTranslator": "translator",
    "SyncConfig": "sync_config",
    "build_erase_job": "erasing",
    "build_intercom_assets": "assets",
    "build_intercom_definitions": "builder",
    "build_intercom_jobs": "jobs",
    "build_intercom_models": "models.model_assets",
    "build_intercom_schedule": "schedules",
    "build_intercom_sensor": "sensors",
    "build_automation_sensor": "sensors",
    "build_lake_maintenance_job": "lake_maintenance",
    "build_support_report": "report.asset",
    "relation_specs": "models.assets",
    "steps_executor": "builder",
    "threads_executor": "executor",
    "IntercomComponent": "component",
    "WarehouseResource": "warehouse_resource",
}

__all__ = [
    "IntercomComponent",
    "IntercomDuckDBIOManager",
    "IntercomResource",
    "IntercomStreamProps",
    "IntercomSync",
    "IntercomTranslator",
    "SyncConfig",
    "WarehouseResource",
    "__version__",
    "build_automation_sensor",
    "build_erase_job",
    "build_intercom_assets",
    "build_intercom_definitions",
    "build_intercom_jobs",
    "build_intercom_models",
    "build_intercom_schedule",
    "build_intercom_sensor",
    "build_lake_maintenance_job",
    "build_support_report",
    "defs",
    "relation_specs",
    "steps_executor",
    "threads_executor",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    # Dagster finds `defs` by listing the module.
    return sorted({*globals(), *_HOMES})
