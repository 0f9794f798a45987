"""What an asset's step does: a stream is extracted, stored, and checked."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Protocol, TypeAlias, runtime_checkable

import dagster as dg
import duckdb

from intercom_assets.checks import lacking_checks, run_checks
from intercom_assets.extraction import Extraction
from intercom_assets.failures import AssetExtraction, Lacking
from intercom_assets.models.assets import report_relations
from intercom_assets.models.fivetran import make_fivetran_views
from intercom_assets.resources import IntercomResource
from intercom_assets.schema_checks import check_schema
from intercom_assets.step import Step
from intercom_assets.sync_config import SyncConfig
from intercom_assets.translator import IntercomStreamProps, keys_by_stream
from intercom_assets.warehouse import HoldsTables

Told: TypeAlias = dg.Output[Any] | dg.AssetMaterialization | dg.AssetCheckResult


@runtime_checkable
class LandsExtractions(Protocol):
    """Whatever can store an extraction before it is handed over as an output."""

    def land(self, extraction: Extraction, step: Step) -> None:
        """Stores everything that an extraction yields."""


@dataclass(frozen=True)
class IntercomSync:
    """One stream's way into its table, in one step.

    Attributes:
        stream: The stream.
        config: What this run wants of it.
        intercom: The workspace that it is read from.
        io_manager: What stores it.
        schema: Schema of the table, if it is not the IO manager's.
        asset_keys: The assets of all streams, by name.
        relations: Whether the run makes the relations over its table, too.
        fivetran_schema: Where it makes views of Fivetran's names, if anywhere.
        max_retries: How often the step is repeated after a fault that lasts.
        retry_seconds: Seconds before it is repeated.
    """

    stream: IntercomStreamProps
    config: SyncConfig
    intercom: IntercomResource
    io_manager: Any
    schema: str | None
    asset_keys: Mapping[str, dg.AssetKey]
    relations: bool
    fivetran_schema: str | None
    max_retries: int
    retry_seconds: float

    def run(self, context: dg.AssetExecutionContext) -> Iterator[Told]:
        """Yields what is to be stored, and once Dagster has had it stored, the checks' results.

        An optional stream that plan, feature, version or scope lack yields no output, and a failed
        check that says what to do.

        Raises:
            Failure: When Intercom refuses; the message says why and what to do.
            RetryRequested: When Intercom does not answer for long, and the step may be repeated.
        """
        if not (now := keys_by_stream([context.assets_def])).items() <= self.asset_keys.items():
            # Somebody gave the assets other keys since they were built: the others lie beside them.
            yield from replace(self, asset_keys=now).run(context)
            return
        # Other streams may use the client at the same time: each counts its own calls.
        stream = self.stream.stream(self.intercom.client().counting_anew())
        extraction = AssetExtraction(
            stream,
            self.config.run(stream.default_run()),
            asset_keys=self.asset_keys,
            allow_empty=self.config.allow_empty,
            allow_shrink=self.config.allow_shrink,
            privacy=self.intercom.privacy(),
            on_delete=self.config.on_delete or self.intercom.gone_rows(),
            history=self.intercom.streams_with_history(),
            may_retry=context.retry_number < self.max_retries,
            retries=(self.max_retries, self.retry_seconds),
        )
        began, own = datetime.now(timezone.utc), self.asset_keys[self.stream.name]
        if isinstance(self.io_manager, LandsExtractions):
            try:
                self.io_manager.land(extraction, Step.of_asset(context, own))
            except Lacking as problem:
                yield from self._without(extraction, problem, context)
                return
        for each in extraction.all:
            yield from self._told(each, began, context)

    def _told(
        self, extraction: Extraction, began: datetime, context: dg.AssetExecutionContext
    ) -> Iterator[Told]:
        """Hands over what was stored, and yields the checks' results."""
        name = extraction.stream.tap_stream_id
        key = self.asset_keys[name]
        if key not in context.selected_asset_keys:
            # It came along with what was selected, and was stored with it.
            context.log_event(dg.AssetMaterialization(key, metadata=extraction.landed or {}))
            yield from self._views(name, began, context.log)
            return
        yield dg.Output(extraction, "result" if name == self.stream.name else name)
        selected = context.selected_asset_check_keys
        with self._kept_open(bool(selected)):
            yield from self._views(name, began, context.log)
            yield from run_checks(extraction, key, self.io_manager, self.schema, began, selected)
        yield from check_schema(context.instance, key, selected)

    def _kept_open(self, is_checked: bool) -> AbstractContextManager[Any]:
        """Keeps the warehouse open while it is asked several things.

        To open a file costs DuckDB tens of milliseconds of processor time, and as long as one
        connection is open, a further one next to nothing.
        """
        is_asked = is_checked or self.relations or self.fivetran_schema
        if isinstance(self.io_manager, HoldsTables) and is_asked:
            return self.io_manager.warehouse(self.schema).connection()
        return nullcontext()

    def _views(self, name: str, began: datetime, log: Any) -> Iterator[dg.AssetMaterialization]:
        if not isinstance(self.io_manager, HoldsTables):
            return
        store = self.io_manager.warehouse(self.schema)
        if self.fivetran_schema:
            try:
                make_fivetran_views(store, name, self.fivetran_schema)
            except duckdb.Error as problem:
                # Such as a table of such a name. The data is there all the same.
                log.warning(f"views in {self.fivetran_schema} could not be made: {problem}")
        if self.relations:
            yield from report_relations(store, name, self.asset_keys, began, log)

    def _without(
        self, extraction: Extraction, problem: Lacking, context: dg.AssetExecutionContext
    ) -> Iterator[Told]:
        """Says why there is nothing to store."""
        context.log.warning(problem.description or "")
        for each in extraction.all:
            key = self.asset_keys[each.stream.tap_stream_id]
            yield from lacking_checks(key, problem, context.selected_asset_check_keys)


Execute: TypeAlias = Callable[[dg.AssetExecutionContext, IntercomSync], Iterable[Told]]
