"""The step in which an extraction is stored, as far as storing it needs to know of that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from intercom_assets.observability.step_log import StepLog


@dataclass(frozen=True)
class Step:
    """The step that an extraction is stored in.

    Attributes:
        key: The stream's asset.
        about: The asset's own metadata.
        run_id: The run.
        instance: Where the asset's events are.
        log: The run's log, with the asset's key in front of each line.
        tell: Takes an observation of the asset.
    """

    key: dg.AssetKey
    about: Mapping[str, Any]
    run_id: str
    instance: dg.DagsterInstance
    log: StepLog
    tell: Callable[[dg.AssetObservation], None]

    @classmethod
    def of_asset(cls, context: dg.AssetExecutionContext, key: dg.AssetKey) -> "Step":
        """The step of an asset that is under way."""
        about = context.assets_def.metadata_by_key[key]
        run_id, instance = context.run.run_id, context.instance
        log = StepLog(context.log, key)
        return cls(key, about, run_id, instance, log, context.log_event)

    @classmethod
    def of_output(cls, context: dg.OutputContext) -> "Step":
        """The step that an output comes from."""
        return cls(
            context.asset_key,
            context.definition_metadata or {},
            context.run_id,
            context.step_context.instance,
            StepLog(context.log, context.asset_key),
            context.log_event,
        )
