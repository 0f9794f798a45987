"""Every stream as a software-defined asset, from one factory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from intercom_assets.checks import check_specs
from intercom_assets.observability import metadata
from intercom_assets.schema_checks import schema_check_spec
from intercom_assets.streams import STREAMS, BaseStream, NestedStream
from intercom_assets.streams.selection import choose
from intercom_assets.sync import Execute, IntercomSync
from intercom_assets.sync_config import SyncConfig
from intercom_assets.translator import (
    FRESHNESS,
    IntercomStreamProps,
    IntercomTranslator,
    identifier,
    parts_of,
)

IO_MANAGER_KEY = "intercom_io_manager"
RESOURCE_KEY = "intercom"


def build_intercom_assets(
    streams: str | Iterable[str] | None = None,
    *,
    key_prefix: str | Sequence[str] = (),
    group_name: str = "intercom",
    owners: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    automation_condition: dg.AutomationCondition[Any] | None = None,
    translator: IntercomTranslator | None = None,
    execute: Execute = lambda context, sync: sync.run(context),
    schema: str | None = None,
    io_manager_key: str = IO_MANAGER_KEY,
    resource_key: str = RESOURCE_KEY,
    checks: bool = True,
    relations: bool = False,
    fivetran_schema: str | None = None,
    freshness_policy: dg.FreshnessPolicy | None = FRESHNESS,
    max_retries: int = 2,
    retry_seconds: float = 60,
) -> list[dg.AssetsDefinition]:
    """One asset a stream.

    Args:
        streams: Names of streams and of groups, ``default`` or ``all``, see
            `intercom_assets.streams.selection.choose`; by default what ``INTERCOM_STREAMS`` says,
            else the default ones.
        key_prefix: What the assets' keys begin with, to tell workspaces apart; text as Dagster
            writes keys, ``eu`` or ``eu/main``, or a list of its parts.
        group_name: The assets' group.
        owners: Of each asset, such as ``team:support`` or an email address.
        tags: Of each asset.
        automation_condition: Of each asset; by default children follow their parents, and the
            others have none.
        translator: Says what Dagster is told of a stream: key, description, owners and so on.
        execute: What a step does, given its context and the `IntercomSync`; by default
            ``sync.run(context)``, which whatever stands here has to yield from.
        schema: Schema of the tables, instead of the IO manager's.
        io_manager_key: Resource that stores what the assets extract.
        resource_key: Resource that is the `IntercomResource`.
        checks: Whether each asset checks its table once it is stored.
        relations: Whether each run makes the relations over its table, too; their assets are
            those of `relation_specs`.
        fivetran_schema: Schema in which each run makes views of Fivetran's names and columns over
            its table; default none.
        freshness_policy: When an asset counts as stale.
        max_retries: How often a step is repeated after a fault that the client's own repetitions
            did not outlast. It goes on where it stopped.
        retry_seconds: Seconds before a step is repeated.

    Raises:
        ConfigError: For a name that no stream has.
    """
    names = choose(streams)
    prefix = parts_of(key_prefix)
    props = {
        name: IntercomStreamProps(
            stream, prefix, group_name, owners, tags or {}, automation_condition, freshness_policy
        )
        for name, stream in STREAMS.items()
    }
    translate = (translator or IntercomTranslator()).get_asset_spec
    specs = {name: translate(each) for name, each in props.items()}
    factory = _Factory(
        specs={name: _bound(specs[name], props[name], specs, schema) for name in names},
        keys={name: spec.key for name, spec in specs.items()},
        execute=execute,
        schema=schema,
        io_manager_key=io_manager_key,
        resource_key=resource_key,
        checks=checks,
        relations=relations,
        fivetran_schema=fivetran_schema,
        max_retries=max_retries,
        retry_seconds=retry_seconds,
    )
    # What stands inside another stream's records is made by that one's step.
    return [factory.asset_of(props[name]) for name in names if not _is_nested(STREAMS[name])]


def _is_nested(stream: type[BaseStream]) -> bool:
    return issubclass(stream, NestedStream)


def pool_of(prefix: Sequence[str] = ()) -> str:
    """The pool of a workspace's steps, by which runs that nobody tagged are kept apart, too."""
    return identifier("intercom_api", *prefix)


def _bound(
    spec: dg.AssetSpec,
    stream: IntercomStreamProps,
    specs: Mapping[str, dg.AssetSpec],
    schema: str | None,
) -> dg.AssetSpec:
    """A spec with what holds whatever a translator says: the table, and the parent."""
    return spec.merge_attributes(
        deps=[specs[stream.parent].key] if stream.parent else [],
        metadata={metadata.STREAM: stream.name, **({"schema": schema} if schema else {})},
    )


@dataclass(frozen=True)
class _Factory:
    """Makes assets of streams. The fields are what `build_intercom_assets` was told."""

    specs: Mapping[str, dg.AssetSpec]
    keys: Mapping[str, dg.AssetKey]
    execute: Execute
    schema: str | None
    io_manager_key: str
    resource_key: str
    checks: bool
    relations: bool
    fivetran_schema: str | None
    max_retries: int
    retry_seconds: float

    def asset_of(self, stream: IntercomStreamProps) -> dg.AssetsDefinition:
        """The asset of a stream, together with those of what stands inside its records."""
        spec, kind = self.specs[stream.name], stream.stream
        # By the name of its output.
        made = {"result": kind} | {inner.tap_stream_id: inner for inner in kind.nested}
        specs = {output: self.specs[of.tap_stream_id] for output, of in made.items()}

        @dg.multi_asset(
            name=identifier("__".join(spec.key.path)),
            description=spec.description,
            outs={
                output: dg.AssetOut.from_spec(
                    each.replace_attributes(deps=[]),
                    io_manager_key=self.io_manager_key,
                    is_required=not kind.optional and len(made) == 1,
                )
                for output, each in specs.items()
            },
            deps=spec.deps,
            internal_asset_deps={
                output: {dep.asset_key for dep in each.deps} for output, each in specs.items()
            },
            can_subset=len(made) > 1,
            required_resource_keys={self.resource_key, self.io_manager_key},
            check_specs=[
                check
                for output, of in made.items()
                for key in [specs[output].key]
                for check in [*check_specs(of, key), schema_check_spec(key)]
            ]
            if self.checks
            else None,
            pool=pool_of(stream.key_prefix),
            op_tags={"dagster/priority": "1"} if stream.stream.is_long else None,
        )
        def intercom_asset(context: dg.AssetExecutionContext, config: SyncConfig) -> Iterator[Any]:
            yield from self.execute(context, self._sync(stream, config, context.resources))

        return intercom_asset

    def _sync(
        self, stream: IntercomStreamProps, config: SyncConfig, resources: Any
    ) -> IntercomSync:
        return IntercomSync(
            stream,
            config,
            intercom=getattr(resources, self.resource_key),
            io_manager=getattr(resources, self.io_manager_key),
            schema=self.schema,
            asset_keys=self.keys,
            relations=self.relations,
            fivetran_schema=self.fivetran_schema,
            max_retries=self.max_retries,
            retry_seconds=self.retry_seconds,
        )
