"""Intercom as a Dagster component, for projects that are written in YAML."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import ConfigDict, Field

from intercom_assets.builder import build_intercom_definitions
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.resources import IntercomResource
from intercom_assets.scaffolder import IntercomScaffolder
from intercom_assets.streams import STREAMS
from intercom_assets.streams.selection import SHORT_FORMS
from intercom_assets.sync import IntercomSync, Told
from intercom_assets.translator import FRESHNESS, IntercomStreamProps, IntercomTranslator
from intercom_assets.warehouse_resource import WarehouseResource
from intercom_assets.yaml_fields import YamlFields, options, text

_TEMPLATE = r"\{\{.*\}\}"
_NAMES = (*SHORT_FORMS, *STREAMS)
_NAME = rf"\s*({'|'.join(_NAMES)})\s*"
# `dg check yaml` knows names of streams and groups by this; a template may stand for any.
STREAMS_IN_YAML: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": f"^{_NAME}(,{_NAME})*$|{_TEMPLATE}"},
        {
            "type": "array",
            "items": {"anyOf": [{"enum": _NAMES}, {"type": "string", "pattern": _TEMPLATE}]},
        },
        {"type": "null"},
    ]
}


WORKSPACE = YamlFields(IntercomResource)
# Database and schema are attributes of the component.
WAREHOUSE = YamlFields(WarehouseResource, looks_up=True)
STORE = YamlFields(IntercomDuckDBIOManager, frozenset({"duckdb", "schema_name"}))
TOKEN = dg.EnvVar("INTERCOM_ACCESS_TOKEN")


def _told(description: str, in_yaml: Any = None) -> dg.Resolver:
    resolver: dg.Resolver = dg.Resolver.default(model_field_type=in_yaml, description=description)
    return resolver


def _texts(context: dg.ResolutionContext, tags: Mapping[str, Any] | None) -> dict[str, str]:
    # A template gives "1" as a number.
    return {name: str(value) for name, value in context.resolve_value(tags or {}).items()}


def _workspace(context: dg.ResolutionContext, given: Mapping[str, Any]) -> IntercomResource:
    return IntercomResource(**{"access_token": TOKEN, **WORKSPACE.given(context, given)})


def _warehouse(context: dg.ResolutionContext, given: Any) -> WarehouseResource | None:
    if given is None:
        return None
    if isinstance(given, str):
        return WarehouseResource.of_environment(database=text(context, given))
    return WarehouseResource.of_environment(**WAREHOUSE.given(context, given))


@dg.scaffold_with(IntercomScaffolder)
class IntercomComponent(dg.Component, dg.Model, dg.Resolvable):
    """A whole Intercom workspace in DuckDB: contacts, companies, conversations, all their parts.

    A subclass may override `get_asset_spec`, which says what Dagster is told of a stream, and
    `execute`, which is what a step does.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    intercom: Annotated[
        IntercomResource | None,
        dg.Resolver(
            _workspace,
            model_field_type=WORKSPACE.type,
            description="The workspace; what is left out is taken from the environment.",
        ),
    ] = None
    database: Annotated[
        Any,
        dg.Resolver(
            text,
            model_field_type=str | None,
            inject_before_resolve=False,
            description="A DuckDB file; short for warehouse.",
        ),
    ] = None
    warehouse: Annotated[
        WarehouseResource | None,
        dg.Resolver(
            _warehouse,
            model_field_type=str | WAREHOUSE.type | None,
            inject_before_resolve=False,
            description="A DuckDB file, md:name for MotherDuck or ducklake: with its catalogue; or "
            "database, data_path and more. What is left out is taken from the environment.",
        ),
    ] = None
    connection_config: Annotated[
        Mapping[str, Any] | None,
        dg.Resolver(
            options,
            model_field_type=Mapping[str, Any] | None,
            inject_before_resolve=False,
            description="Configuration of DuckDB's connections.",
        ),
    ] = None
    io_manager: Annotated[
        Mapping[str, Any] | None,
        dg.Resolver(
            STORE.given,
            model_field_type=STORE.type,
            description="How tables are written and shown.",
        ),
    ] = None
    db_schema: Annotated[str | None, _told("Schema of the tables.")] = None
    io_manager_key: Annotated[str | None, _told("Your own IO manager.")] = None

    streams: Annotated[
        str | Sequence[str] | None,
        dg.Resolver(
            lambda context, names: context.resolve_value(names),
            model_field_type=str | Sequence[str] | None,
            description="Streams, groups, default or all, as a list or with commas; by default "
            "what INTERCOM_STREAMS says, else the default ones.",
        ),
    ] = Field(default=None, json_schema_extra=STREAMS_IN_YAML)
    key_prefix: Annotated[
        str | Sequence[str], _told("What the assets' keys begin with, such as eu or [eu, main].")
    ] = ""
    group_name: Annotated[str, _told("The assets' group.")] = "intercom"
    owners: Annotated[Sequence[str], _told("Of each asset: team:name, or an email address.")] = ()
    tags: Annotated[
        Mapping[str, str] | None,
        dg.Resolver(
            _texts, model_field_type=Mapping[str, Any] | None, description="Of each asset."
        ),
    ] = None
    automation_condition: Annotated[
        dg.AutomationCondition[Any] | None,
        _told(
            "Of each asset, such as {{ dg.AutomationCondition.on_cron('@daily') }}; by default "
            "children follow their parents.",
            str | None,
        ),
    ] = None
    freshness_policy: Annotated[
        dg.FreshnessPolicy | None, _told("When an asset counts as stale; null: never.", str | None)
    ] = FRESHNESS
    translation: Annotated[
        Annotated[
            TranslationFn[IntercomStreamProps],
            TranslationFnResolver[IntercomStreamProps](lambda stream: {"stream": stream}),
        ]
        | None,
        _told(
            "What Dagster is told of a stream otherwise: key, description, tags ... with `stream` "
            "(name, path, parent, replication_key ...) and `spec` in scope."
        ),
    ] = None

    cron_schedule: Annotated[
        str, _told("Of the schedule, which is stopped until it is started.")
    ] = "0 * * * *"
    checks: Annotated[bool, _told("Whether assets check their tables.")] = True
    models: Annotated[
        bool | None,
        _told(
            "Whether there are relations and models; by default what INTERCOM_MODELS says, else "
            "yes, unless the IO manager is your own."
        ),
    ] = None
    fivetran_schema: Annotated[
        str | None,
        _told(
            "Schema of views of Fivetran's names and columns; by default what "
            "INTERCOM_FIVETRAN_SCHEMA says, else none."
        ),
    ] = None
    max_retries: Annotated[int, _told("How often a step is repeated after a fault that lasts.")] = 2
    retry_seconds: Annotated[float, _told("Seconds before a step is repeated.")] = 60

    def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
        """The asset of a stream, to be overridden in a subclass. `translation` comes after it.

        Example:
            .. code-block:: python

                class Ours(IntercomComponent):
                    def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
                        spec = super().get_asset_spec(stream)
                        return spec.merge_attributes(metadata={"call": stream.path})
        """
        return IntercomTranslator().get_asset_spec(stream)

    def execute(self, context: dg.AssetExecutionContext, sync: IntercomSync) -> Iterable[Told]:
        """What an asset's step does, to be overridden in a subclass.

        Example:
            .. code-block:: python

                class Ours(IntercomComponent):
                    def execute(self, context, sync):
                        context.log.info(f"about to read {sync.stream.name}")
                        yield from super().execute(context, sync)
        """
        yield from sync.run(context)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The component's definitions."""
        return build_intercom_definitions(
            self.intercom,
            self.database,
            warehouse=self.warehouse,
            connection_config=self.connection_config,
            io_manager=self.io_manager,
            schema=self.db_schema,
            io_manager_key=self.io_manager_key,
            streams=self.streams,
            key_prefix=self.key_prefix,
            group_name=self.group_name,
            owners=self.owners,
            tags=self.tags,
            automation_condition=self.automation_condition,
            freshness_policy=self.freshness_policy,
            translator=_ComponentTranslator(self),
            execute=self.execute,
            cron_schedule=self.cron_schedule,
            checks=self.checks,
            models=self.models,
            fivetran_schema=self.fivetran_schema,
            max_retries=self.max_retries,
            retry_seconds=self.retry_seconds,
        )


class _ComponentTranslator(IntercomTranslator):
    """Asks the component, and then its `translation`."""

    def __init__(self, component: IntercomComponent) -> None:
        self._component = component

    def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
        spec = self._component.get_asset_spec(stream)
        translation = self._component.translation
        return translation(spec, stream) if translation else spec
