"""What Dagster is told of a stream, and how a project tells it otherwise."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import dagster as dg

from intercom_assets.observability import metadata
from intercom_assets.streams import BaseStream
from intercom_assets.warehouse.encoding import column_type
from intercom_assets.warehouse.ours import ours_of

# For the hourly schedule: a few runs may fail before anybody is told.
FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=24), warn_window=timedelta(hours=6)
)


@dataclass(frozen=True)
class IntercomStreamProps:
    """A stream, and what was asked for all streams that are built with it.

    Attributes:
        stream: The stream's class.
        key_prefix: What the assets' keys begin with.
        group_name: The assets' group.
        owners: Of each asset.
        tags: Of each asset.
        automation_condition: Of each asset; None lets children follow their parents.
        freshness_policy: When an asset counts as stale.
    """

    stream: type[BaseStream]
    key_prefix: Sequence[str] = ()
    group_name: str = "intercom"
    owners: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    automation_condition: dg.AutomationCondition[Any] | None = None
    freshness_policy: dg.FreshnessPolicy | None = FRESHNESS

    @property
    def name(self) -> str:
        """The stream's name, which is its table's, such as ``contacts``."""
        return self.stream.tap_stream_id

    @property
    def path(self) -> str:
        """What is called at Intercom, such as ``/contacts/search``."""
        return self.stream.path

    @property
    def key_properties(self) -> Sequence[str]:
        """The columns that identify a record."""
        return tuple(self.stream.key_properties)

    @property
    def replication_key(self) -> str | None:
        """The column by which it is incremental; None if it is replaced as a whole."""
        return self.stream.replication_key

    @property
    def parent(self) -> str | None:
        """The stream that it is read from."""
        return self.stream.parent.tap_stream_id if self.stream.parent else None

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of its records."""
        return self.stream.load_schema()


class IntercomTranslator:
    """Says what Dagster is told of a stream. A subclass says it otherwise.

    Example:
        .. code-block:: python

            class Ours(IntercomTranslator):
                def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
                    spec = super().get_asset_spec(stream)
                    return spec.replace_attributes(key=["raw", f"intercom_{stream.name}"])


            build_intercom_assets(translator=Ours())
    """

    def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
        """The asset of a stream.

        Whatever the key, the table has the stream's name. The parent's asset joins `deps` later,
        by the key that the translator gives it.
        """
        follows = dg.AutomationCondition.eager() if stream.parent else None
        return dg.AssetSpec(
            key=[*stream.key_prefix, stream.name],
            description=_description(stream),
            metadata={metadata.COLUMN_SCHEMA: _column_schema(stream.schema, stream.stream.merged)},
            group_name=stream.group_name,
            owners=stream.owners,
            tags=stream.tags,
            kinds={"intercom", "duckdb"},
            automation_condition=stream.automation_condition or follows,
            freshness_policy=stream.freshness_policy,
        )


def parts_of(key_prefix: str | Sequence[str]) -> list[str]:
    """The parts of a key prefix, which may be written as Dagster writes keys: ``eu/main``."""
    if isinstance(key_prefix, str):
        return [part for part in key_prefix.split("/") if part]
    return list(key_prefix)


def identifier(*parts: str) -> str:
    """A name for what may hold letters, digits and underscores only, as ops and jobs."""
    return re.sub(r"\W", "_", "_".join(parts), flags=re.ASCII)


def keys_by_stream(assets: Iterable[dg.AssetsDefinition]) -> dict[str, dg.AssetKey]:
    """The key of each stream's asset, whatever a translator made of it."""
    return {
        spec.metadata[metadata.STREAM]: spec.key
        for asset in assets
        for spec in asset.specs
        if metadata.STREAM in spec.metadata
    }


def _description(stream: IntercomStreamProps) -> str:
    key = " and ".join(f"`{column}`" for column in stream.stream.unique_key())
    how = (
        f"Incremental by `{stream.replication_key}`, merged by {key}."
        if stream.replication_key
        else "Replaced as a whole by every run."
    )
    return f"{stream.schema['description']}\n\nIntercom's `{stream.path}`. {how}"


def _column_schema(schema: Mapping[str, Any], merged: bool) -> dg.TableSchema:
    columns: Sequence[dg.TableColumn] = [
        dg.TableColumn(name, column_type(kind).lower(), description=kind.get("description"))
        for name, kind in schema["properties"].items()
    ]
    ours = [
        dg.TableColumn(name, kind.lower(), description=told)
        for name, (kind, told) in ours_of(merged).items()
    ]
    return dg.TableSchema(columns=[*columns, *ours])
