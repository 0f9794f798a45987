"""The IO manager that lands batches in DuckDB, and gives tables to downstream assets."""

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection
from pydantic import Field, field_validator

from intercom_assets.extraction import Extraction
from intercom_assets.observability import metadata
from intercom_assets.observability.facts import facts_of, look_inside
from intercom_assets.observability.preview import MASKED, PREVIEWS
from intercom_assets.observability.progress import summary
from intercom_assets.observability.step_log import hearing
from intercom_assets.resume import resume
from intercom_assets.step import Step
from intercom_assets.threads.garbage import fewer_collections
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.database import LOCK_TIMEOUT_SECONDS
from intercom_assets.warehouse.frames import frame
from intercom_assets.warehouse.names import UNPARSED
from intercom_assets.warehouse.place import Place
from intercom_assets.warehouse.store import Store
from intercom_assets.warehouse.turns import turn
from intercom_assets.warehouse_resource import place_of, refusals_as_failures
from intercom_assets.writer import Writer, landing_of

if TYPE_CHECKING:  # a third of what the import of a code location would take
    import pandas as pd

logger = logging.getLogger(__name__)
R = TypeVar("R")

# What the metadata of an input may say of it.
WANTED = ("columns", "rows_gone")


class IntercomDuckDBIOManager(dg.ConfigurableIOManager):
    """Lands what Intercom assets extract in DuckDB, incrementally.

    Each commit holds rows and the state that they make true. Inputs are loaded as pandas
    DataFrames, without rows that are gone at Intercom; ``AssetIn(metadata={"columns": [...],
    "rows_gone": True})`` loads only these columns, and those rows too.
    """

    duckdb: DuckDBResource
    schema_name: str = Field(
        default="intercom",
        description="Schema of the tables. An asset's own metadata, schema, wins over it.",
    )

    patience: float = Field(
        default=3600.0,
        description="Seconds to wait for another run that writes the same table, before this one "
        "takes over.",
    )
    lock_timeout: float = Field(
        default=LOCK_TIMEOUT_SECONDS,
        description="Seconds to wait for another process that holds the database file, such as a "
        "notebook, before the run fails. Default 300.",
    )
    preview: str = Field(
        default=MASKED,
        description="A few rows in the metadata of each materialization: masked (default) hides "
        "names, emails, texts and everything else that may be personal, shown hides nothing, off "
        "leaves the rows out.",
    )
    charts: bool = Field(
        default=True,
        description="Whether materializations get a small chart, where the package is installed "
        "with the extra named charts.",
    )

    memory_limit: str | None = Field(
        default="48MB",
        description="How much memory DuckDB may use while it lands records, such as 48MB (default) "
        "or 4GB; what does not fit goes to a temporary file, and where that is not possible, the "
        "limit is raised, and then lifted. None leaves it to DuckDB, which takes 80 % of the "
        "machine's. A memory_limit in the connection_config of the DuckDB resource wins over it.",
    )

    models_memory_limit: str | None = Field(
        default="1500MB",
        description="How much memory DuckDB may use while it builds models, in place of "
        "memory_limit.",
    )

    @field_validator("preview", mode="after")
    @classmethod
    def _check_preview(cls, value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, dg.EnvVar) and value not in PREVIEWS:
            raise ValueError(f"preview is {value!r}: it must be one of {', '.join(PREVIEWS)}")
        return value

    @cached_property
    def place(self) -> Place:
        """Where the tables are; paths in the one spelling that everything uses, see `located`."""
        return place_of(self.duckdb)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Decides where the database is, before anything can change the working directory."""
        _ = self.place

    def handle_output(self, context: dg.OutputContext, obj: Extraction) -> None:
        """Stores everything that an extraction yields.

        Raises:
            Failure: When the warehouse refuses it; the message says why and what to do.
        """
        if not isinstance(obj, Extraction):
            raise dg.Failure(
                f"this IO manager stores what Intercom assets extract, not {type(obj).__name__}: "
                f"give {context.asset_key.to_user_string()} another io_manager_key",
                allow_retries=False,
            )
        if obj.landed is None:
            self.land(obj, Step.of_output(context))
        context.add_output_metadata(obj.landed or {})

    def land(self, extraction: Extraction, step: Step) -> None:
        """Stores everything that an extraction yields, and what is nested in it.

        An asset has this done before it hands the extraction over as its output: what is handed
        over counts as materialized, even if Intercom turns out not to give it.

        Args:
            extraction: What to store. Afterwards its `landed` is the metadata of its table.
            step: In which step.

        Raises:
            Failure: When the warehouse refuses it; the message says why and what to do.
        """
        warehouse = self._warehouse_of(step.about, step.log.warning)
        table = _table_of(step.about, step.key)
        my_turn = turn(
            self.place.database,
            f"{warehouse.schema}.{table}".casefold(),
            step.run_id,
            self.patience,
            step.log.warning,
        )
        with (
            hearing(step.log),
            refusals_as_failures(),
            fewer_collections(),
            my_turn as turned,
            landing_of(warehouse, table, extraction, step.run_id, turned) as landing,
        ):
            nested = [extraction.key_of(inner, step.key) for inner in extraction.nested]
            writer = Writer(step, landing, extraction, is_told=resume(step, landing, nested))
            writer.take_in()
            # As long as one connection is open, a further one costs next to nothing.
            with warehouse.connection():
                writer.finish()
                landing.give_up()
                self._describe(step, extraction, landing, writer)

    def _describe(
        self, step: Step, extraction: Extraction, landing: Landing, writer: Writer
    ) -> None:
        """Has each extraction's `landed` say what its table holds now, and the log sum it up."""
        today = datetime.fromtimestamp(extraction.now(), timezone.utc).date()
        for each, berth in zip(extraction.all, landing.all, strict=True):
            key = step.key if each is extraction else extraction.key_of(each, step.key)
            log, table = step.log.of(key), berth.describe()
            numbers, columns = writer.numbers(berth, each, table), table.columns
            log.info(summary(numbers, each.stream.counts))
            if unparsed := berth.changes.unparsed:
                told = ", ".join(f"{n} of {field}" for field, n in unparsed.items())
                log.warning(f"values that did not fit are kept in {UNPARSED}: {told}")
            each.landed = {
                **numbers,
                **look_inside(
                    berth, columns, each.presentation, self.preview, self.charts, today, log
                ),
                **facts_of(
                    berth, columns, key, each.presentation, each.redaction, extraction.asset_keys
                ),
            }

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame":
        """A table as a DataFrame, without the rows that are gone at Intercom.

        The input's metadata may name `columns`, and have rows that are marked as gone come along by
        `rows_gone`.

        Raises:
            Failure: When there is no such table.
        """
        source = context.upstream_output
        key = context.asset_key if source is None else source.asset_key
        about = source.definition_metadata if source else None
        warehouse, name = self._warehouse_of(about), _table_of(about, key)
        wanted = {k: v for k, v in (context.definition_metadata or {}).items() if k in WANTED}
        return warehouse.ask(lambda c: frame(c, warehouse.schema, name, **wanted))

    def build_model(
        self,
        model: str,
        run_id: str,
        say: Callable[[str], None],
        work: Callable[[DuckDBPyConnection], R],
    ) -> R:
        """What some work gives, done in a transaction, in which this run alone builds a model.

        Args:
            model: Its schema and name.
            run_id: This run.
            say: Takes a line for the log.
            work: What is done; it is done again if others came in its way.

        Raises:
            Failure: When the warehouse refuses it; the message says why and what to do.
        """
        warehouse = self.warehouse(say=say)
        my_turn = turn(self.place.database, model, run_id, self.patience, say)
        with (
            refusals_as_failures(),
            my_turn,
            warehouse.more_memory(self.models_memory_limit),
        ):
            return warehouse.write(work)

    def warehouse(
        self, schema: str | None = None, say: Callable[[str], None] | None = None
    ) -> Warehouse:
        """The tables of a schema, by default this manager's own.

        Args:
            schema: The schema.
            say: Takes a line for the log.
        """
        store = Store(self.place, self.memory_limit)
        return store.warehouse(schema or self.schema_name, self.lock_timeout, say or logger.warning)

    def _warehouse_of(
        self, definition_metadata: Any, say: Callable[[str], None] | None = None
    ) -> Warehouse:
        return self.warehouse((definition_metadata or {}).get("schema"), say)


def _table_of(definition_metadata: Any, key: dg.AssetKey) -> str:
    """The table of an asset, whatever a translator made of its key."""
    return (definition_metadata or {}).get(metadata.STREAM) or key.path[-1]
