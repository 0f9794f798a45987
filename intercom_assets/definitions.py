"""Composes the package's Definitions from its parts."""

import os

import dagster as dg
from dagster_duckdb import DuckDBResource

from intercom_assets.assets import IO_MANAGER_KEY, RESOURCE_KEY, build_intercom_assets
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.resources import IntercomResource

defs = dg.Definitions(
    assets=build_intercom_assets(),
    resources={
        RESOURCE_KEY: IntercomResource(access_token=dg.EnvVar("INTERCOM_ACCESS_TOKEN")),
        IO_MANAGER_KEY: IntercomDuckDBIOManager(
            duckdb=DuckDBResource(
                database=os.environ.get("INTERCOM_DUCKDB_PATH") or "intercom.duckdb"
            )
        ),
    },
    # A process for each step costs some six seconds of start-up; twelve of them most of a minute.
    executor=dg.in_process_executor,
)
