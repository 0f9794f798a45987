"""Intercom as a Dagster component, for projects that are written in YAML."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster.components import Component, ComponentLoadContext, Model, Resolvable
from dagster.components.component_scaffolding import scaffold_component
from dagster.components.scaffold.scaffold import Scaffolder, ScaffoldRequest, scaffold_with
from pydantic import Field

from intercom_assets.definitions import build_intercom_definitions
from intercom_assets.resources import IntercomResource


class IntercomScaffolder(Scaffolder[Any]):
    """Writes a ``defs.yaml`` that works once INTERCOM_ACCESS_TOKEN is set."""

    def scaffold(self, request: ScaffoldRequest[Any]) -> None:
        """Writes it."""
        scaffold_component(
            request,
            {
                "intercom": {"access_token": "{{ env.INTERCOM_ACCESS_TOKEN }}", "region": "us"},
                "database": "warehouse.duckdb",
                "streams": ["contacts", "conversations", "conversation_parts"],
            },
        )


class IntercomSettings(Model, Resolvable):
    """One Intercom workspace; what is left out is taken from the environment."""

    access_token: str = Field(repr=False, description="Give ``{{ env.INTERCOM_ACCESS_TOKEN }}``.")
    region: str | None = Field(default=None, description="us (default), eu or au.")
    base_url: str | None = None
    api_version: str | None = None
    start_date: str | None = None
    lookback: float | None = None
    display_as: str | None = None
    max_concurrency: int | None = None
    drop_bodies: bool = False
    drop_fields: dict[str, list[str]] = Field(default_factory=dict)
    hash_fields: dict[str, list[str]] = Field(default_factory=dict)
    hash_salt: str | None = Field(default=None, repr=False)


@scaffold_with(IntercomScaffolder)
class IntercomComponent(Component, Model, Resolvable):
    """A whole Intercom workspace in DuckDB: contacts, companies, conversations, all their parts."""

    intercom: IntercomSettings
    database: str | None = Field(
        default=None, description="A DuckDB file, or md:name for MotherDuck."
    )
    streams: Sequence[str] | None = Field(default=None, description="Names; default all.")
    key_prefix: Sequence[str] = Field(
        default_factory=list, description="What the assets' keys begin with."
    )
    db_schema: str | None = Field(default=None, description="Schema of the tables.")
    group_name: str = "intercom"
    owners: Sequence[str] = Field(default_factory=list)
    io_manager_key: str | None = Field(default=None, description="Your own IO manager.")
    cron_schedule: str = "0 * * * *"
    checks: bool = True

    def build_defs(self, context: ComponentLoadContext) -> dg.Definitions:
        """The component's definitions."""
        return build_intercom_definitions(
            IntercomResource(**self.intercom.model_dump()),
            self.database,
            key_prefix=list(self.key_prefix),
            schema=self.db_schema,
            streams=self.streams,
            io_manager_key=self.io_manager_key,
            cron_schedule=self.cron_schedule,
            group_name=self.group_name,
            owners=list(self.owners),
            checks=self.checks,
        )
