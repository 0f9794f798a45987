"""One person taken out of the warehouse, as a job of Dagster's."""

from collections.abc import Callable
from typing import Any

import dagster as dg
from pydantic import Field

from intercom_assets.erasure import Erased, NotErasable, erase
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.observability.metadata import IntercomMetadataSet
from intercom_assets.warehouse.errors import WarehouseError


class EraseConfig(dg.Config):
    """Run config of the job that erases a contact."""

    contact: str = Field(description="The contact's id at Intercom.")
    dry_run: bool = Field(
        default=False, description="Only tell what would be removed, table by table."
    )


def erase_in(
    store: IntercomDuckDBIOManager,
    contact: str,
    run_id: str,
    dry_run: bool,
    say: Callable[[str], None],
) -> Erased:
    """Takes one contact out of every table of an IO manager's.

    Args:
        store: The IO manager.
        contact: The contact's id.
        run_id: What the runs that wait meanwhile are told.
        dry_run: Whether everything is undone again.
        say: Takes a line for the log.

    Raises:
        NotErasable: When the contact was merged into another one.
        WarehouseError: When the warehouse refuses it.
    """
    return erase(
        store.warehouse(say=say),
        store.place.database,
        contact,
        run_id,
        dry_run=dry_run,
        patience=store.patience,
        say=say,
    )


def build_erase_job(name: str, io_manager_key: str) -> dg.JobDefinition:
    """A job that takes one contact out of every table.

    Args:
        name: The workspace's name, with which the job's name begins.
        io_manager_key: The resource that stores what the assets extract.
    """

    @dg.op(
        name=f"{name}_erase_contact",
        required_resource_keys={io_manager_key},
        out=dg.Out(dg.Nothing),
    )
    def erase_contact(context: dg.OpExecutionContext, config: EraseConfig) -> None:
        store: Any = getattr(context.resources, io_manager_key)
        say = context.log.warning
        try:
            erased = erase_in(store, config.contact, context.run_id, config.dry_run, say)
        except (NotErasable, WarehouseError) as problem:
            raise dg.Failure(str(problem), allow_retries=False) from problem
        for line in erased.lines():
            context.log.info(line)
        context.add_output_metadata(
            dict(
                IntercomMetadataSet(
                    removed=dg.MetadataValue.json(dict(erased.removed)),
                    redacted=dg.MetadataValue.json(dict(erased.redacted)),
                    namesakes=dg.MetadataValue.json(erased.namesakes),
                    dry_run=config.dry_run,
                )
            )
        )

    @dg.job(
        name=f"{name}_erase",
        executor_def=dg.in_process_executor,
        description="Takes one contact out of every table: their rows, and what they wrote.",
    )
    def job() -> None:
        erase_contact()

    return job
