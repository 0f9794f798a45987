"""Every stream as a software-defined asset, from one factory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg

from intercom_assets.checks import check_specs, run_checks
from intercom_assets.failures import AssetExtraction
from intercom_assets.resources import IntercomResource
from intercom_assets.streams import (
    STREAMS,
    BaseStream,
    Companies,
    ConversationParts,
)
from intercom_assets.streams.search import SearchStream
from intercom_assets.sync_config import SyncConfig
from intercom_assets.warehouse.encoding import column_type
from intercom_assets.warehouse.names import SYNCED_AT

IO_MANAGER_KEY = "intercom_io_manager"
RESOURCE_KEY = "intercom"
# Where steps run side by side, these begin first: the others are done long before them.
LONG_STREAMS = (SearchStream, Companies, ConversationParts)
# For the hourly schedule: a few runs may fail before anybody is told.
FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=24), warn_window=timedelta(hours=6)
)


def build_intercom_assets(
    streams: Iterable[str] | None = None,
    *,
    key_prefix: str | Sequence[str] = (),
    group_name: str = "intercom",
    owners: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    schema: str | None = None,
    io_manager_key: str = IO_MANAGER_KEY,
    resource_key: str = RESOURCE_KEY,
    checks: bool = True,
    freshness_policy: dg.FreshnessPolicy | None = FRESHNESS,
    max_retries: int = 2,
    retry_seconds: float = 60,
) -> list[dg.AssetsDefinition]:
    """One asset a stream.

    Args:
        streams: Names of streams; default all of them.
        key_prefix: What the assets' keys begin with, to tell workspaces apart.
        group_name: The assets' group.
        owners: Of each asset, such as ``team:support`` or an email address.
        tags: Of each asset.
        schema: Schema of the tables, instead of the IO manager's.
        io_manager_key: Resource that stores what the assets extract.
        resource_key: Resource that is the `IntercomResource`.
        checks: Whether each asset checks its table once it is stored.
        freshness_policy: When an asset counts as stale.
        max_retries: How often a step is repeated after a fault that the client's own repetitions
            did not outlast. It goes on where it stopped.
        retry_seconds: Seconds before a step is repeated.

    Raises:
        ValueError: For a name that no stream has.
    """
    names = list(STREAMS if streams is None else streams)
    if unknown := sorted(set(names) - set(STREAMS)):
        raise ValueError(f"no such stream: {unknown}; there are {', '.join(STREAMS)}")
    prefix = [key_prefix] if isinstance(key_prefix, str) else list(key_prefix)
    options: dict[str, Any] = {
        "group_name": group_name,
        "owners": owners,
        "tags": tags,
        "io_manager_key": io_manager_key,
        "freshness_policy": freshness_policy,
    }
    return [
        _asset_of(
            STREAMS[name],
            prefix,
            schema,
            resource_key,
            checks,
            (max_retries, retry_seconds),
            options,
        )
        for name in names
    ]


def pool_of(stream: type[BaseStream], prefix: Sequence[str] = ()) -> str:
    """The pool of a stream's steps: a workspace's quota, or its one scroll."""
    kind = "intercom_scroll" if stream is Companies else "intercom_api"
    return "_".join([kind, *prefix])


def _asset_of(
    stream: type[BaseStream],
    prefix: list[str],
    schema_name: str | None,
    resource_key: str,
    checks: bool,
    retries: tuple[int, float],
    options: dict[str, Any],
) -> dg.AssetsDefinition:
    schema = stream.load_schema()
    key = dg.AssetKey([*prefix, stream.tap_stream_id])
    own_metadata: dict[str, Any] = {"dagster/column_schema": _column_schema(schema)}
    follows = dg.AutomationCondition.eager() if stream.parent else None

    def intercom_asset(context: dg.AssetExecutionContext, config: SyncConfig) -> Iterator[Any]:
        resource: IntercomResource = getattr(context.resources, resource_key)
        # Other streams may use the client at the same time: each counts its own calls.
        with_client = stream(resource.client().counting_anew())
        extraction = AssetExtraction(
            with_client,
            config.run(with_client.default_run()),
            allow_empty=config.allow_empty,
            allow_shrink=config.allow_shrink,
            privacy=resource.privacy(),
            may_retry=context.retry_number < retries[0],
            retries=retries,
        )
        began = datetime.now(timezone.utc)
        yield dg.Output(extraction)
        # Dagster has had the IO manager store the output by now.
        io_manager = getattr(context.resources, options["io_manager_key"])
        yield from run_checks(
            extraction,
            context.asset_key,
            io_manager,
            schema_name,
            began,
            context.selected_asset_check_keys,
        )

    decorate: Callable[[Any], dg.AssetsDefinition] = dg.asset(
        key=key,
        deps=[[*prefix, stream.parent.tap_stream_id]] if stream.parent else None,
        kinds={"intercom", "duckdb"},
        description=_description(stream, schema),
        required_resource_keys={resource_key, options["io_manager_key"]},
        output_required=True,
        metadata=own_metadata | ({"schema": schema_name} if schema_name else {}),
        check_specs=check_specs(stream, key) if checks else None,
        automation_condition=follows,
        pool=pool_of(stream, prefix),
        op_tags={"dagster/priority": "1"} if issubclass(stream, LONG_STREAMS) else None,
        **options,
    )
    return decorate(intercom_asset)


def _description(stream: type[BaseStream], schema: dict[str, Any]) -> str:
    how = (
        f"Incremental by `{stream.replication_key}`, merged by `{stream.key_properties[0]}`."
        if stream.replication_key
        else "Replaced as a whole by every run."
    )
    return f"{schema['description']}\n\nIntercom's `{stream.path}`. {how}"


def _column_schema(schema: dict[str, Any]) -> dg.TableSchema:
    columns: Sequence[dg.TableColumn] = [
        dg.TableColumn(name, column_type(kind).lower(), description=kind.get("description"))
        for name, kind in schema["properties"].items()
    ]
    synced = dg.TableColumn(
        SYNCED_AT, "timestamp with time zone", description="When this row last changed here"
    )
    return dg.TableSchema(columns=[*columns, synced])
