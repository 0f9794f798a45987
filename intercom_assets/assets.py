"""Every stream as a software-defined asset, from one factory."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import Field, field_validator

from intercom_assets.errors import IntercomError, PermissionDenied
from intercom_assets.extraction import Extraction
from intercom_assets.resources import IntercomResource
from intercom_assets.settings import check_setting
from intercom_assets.state import SyncState
from intercom_assets.streams import STREAMS, BaseStream, Batch, Run, WorkQueue
from intercom_assets.timestamps import parse_epoch
from intercom_assets.warehouse.encoding import column_type
from intercom_assets.warehouse.names import SYNCED_AT

IO_MANAGER_KEY = "intercom_io_manager"
RESOURCE_KEY = "intercom"


class SyncConfig(dg.Config):
    """Run config of an Intercom asset."""

    full_refresh: bool = Field(
        default=False,
        description="Read everything anew, and then remove rows that Intercom no longer has (of "
        "conversation_parts none is removed). Is remembered until it is complete.",
    )
    start_date: str | None = Field(
        default=None,
        description="How far back to read in this run: ISO 8601 date or date-time. Default: as the "
        "resource says.",
    )
    lookback: float | None = Field(
        default=None,
        description="Seconds before the bookmark that are read again. Default: as the resource "
        "says, 600.",
    )
    allow_empty: bool = Field(
        default=False, description="Let an empty answer empty a table that has rows."
    )
    allow_shrink: bool = Field(
        default=False,
        description="Let a full refresh remove more than a fifth of a table's rows.",
    )

    @field_validator("start_date", "lookback")
    @classmethod
    def _check(cls, value: Any, info: Any) -> Any:
        return value if value is None else check_setting(info.field_name, value)

    def run(self, default: Run) -> Run:
        """What this run wants, given what the resource says."""
        return Run(
            since=default.since if self.start_date is None else parse_epoch(self.start_date) or 0,
            lookback=default.lookback if self.lookback is None else int(self.lookback),
            full_refresh=self.full_refresh,
        )


def build_intercom_assets(
    streams: Iterable[str] | None = None,
    *,
    group_name: str = "intercom",
    io_manager_key: str = IO_MANAGER_KEY,
    resource_key: str = RESOURCE_KEY,
) -> list[dg.AssetsDefinition]:
    """One asset a stream.

    Args:
        streams: Names of streams; default all of them.
        group_name: The assets' group.
        io_manager_key: Resource that stores what the assets extract.
        resource_key: Resource that is the `IntercomResource`.

    Raises:
        ValueError: For a name that no stream has.
    """
    names = list(STREAMS if streams is None else streams)
    if unknown := sorted(set(names) - set(STREAMS)):
        raise ValueError(f"no such stream: {unknown}; there are {', '.join(STREAMS)}")
    return [_asset_of(STREAMS[name], group_name, io_manager_key, resource_key) for name in names]


def _asset_of(
    stream: type[BaseStream], group_name: str, io_manager_key: str, resource_key: str
) -> dg.AssetsDefinition:
    schema = stream.load_schema()

    @dg.asset(
        name=stream.tap_stream_id,
        deps=[stream.parent.tap_stream_id] if stream.parent else None,
        group_name=group_name,
        kinds={"intercom", "duckdb"},
        description=_description(stream, schema),
        io_manager_key=io_manager_key,
        required_resource_keys={resource_key},
        output_required=True,
        metadata={"dagster/column_schema": _column_schema(schema)},
    )
    def intercom_asset(context: dg.AssetExecutionContext, config: SyncConfig) -> dg.Output[Any]:
        resource: IntercomResource = getattr(context.resources, resource_key)
        with_client = stream(resource.client())
        return dg.Output(
            _AssetExtraction(
                with_client,
                config.run(with_client.default_run()),
                allow_empty=config.allow_empty,
                allow_shrink=config.allow_shrink,
                privacy=resource.privacy(),
            )
        )

    return intercom_asset


class _AssetExtraction(Extraction):
    """An extraction whose errors are Dagster failures that say what to do."""

    def batches(
        self, state: SyncState | None = None, queue: WorkQueue | None = None
    ) -> Iterator[Batch]:
        try:
            yield from super().batches(state, queue)
        except IntercomError as problem:
            raise _failure(self.stream.tap_stream_id, problem) from None


def _failure(stream: str, problem: IntercomError) -> dg.Failure:
    facts = {
        "intercom/call": problem.call,
        "intercom/status": problem.status,
        "intercom/code": problem.code,
        "intercom/request_id": problem.request_id,
    }
    hint = ""
    if isinstance(problem, PermissionDenied):
        hint = f". To run without it, select the assets '* - {stream}', or build them without it"
    # The client has repeated what is worth repeating; Dagster's own retries would repeat the rest.
    return dg.Failure(
        f"{stream}: {problem}{hint}",
        metadata={key: value for key, value in facts.items() if value is not None},
        allow_retries=False,
    )


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
