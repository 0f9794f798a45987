"""The IO manager that lands batches in DuckDB, and gives tables to downstream assets."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection
from pydantic import Field, field_validator

from intercom_assets import metadata
from intercom_assets.background import WRITERS, in_background
from intercom_assets.extraction import Extraction
from intercom_assets.garbage import collect_recent, fewer_collections
from intercom_assets.materialization import facts_of, look_inside
from intercom_assets.preview import MASKED, PREVIEWS
from intercom_assets.progress import Progress
from intercom_assets.resume import resume
from intercom_assets.state import SyncState
from intercom_assets.streams import Batch
from intercom_assets.timestamps import to_iso
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.buffer import Buffer
from intercom_assets.warehouse.database import LOCK_TIMEOUT_SECONDS
from intercom_assets.warehouse.errors import WarehouseError
from intercom_assets.warehouse.holding import alone
from intercom_assets.warehouse.names import comma, path
from intercom_assets.warehouse.turns import turn

if TYPE_CHECKING:  # a third of what the import of a code location would take
    import pandas as pd

# A transaction costs some tens of milliseconds, whatever is in it; what waits for one is bounded.
COMMIT_ROWS = 5_000
COMMIT_BYTES = 6 * 1024 * 1024
COMMIT_SECONDS = 5.0
OBSERVATION_SECONDS = 10.0
# What DuckDB calls the limit of its memory.
_LIMITS = {"memory_limit", "max_memory"}


class IntercomDuckDBIOManager(dg.ConfigurableIOManager):
    """Lands what Intercom assets extract in DuckDB, incrementally.

    Each commit holds rows and the state that they make true. Inputs are loaded as pandas
    DataFrames; ``AssetIn(metadata={"columns": [...]})`` loads only these columns.
    """

    duckdb: DuckDBResource
    schema_name: str = Field(
        default="intercom",
        description="Schema of the tables. An asset's metadata `schema` wins over it.",
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
        "with the extra `charts`.",
    )

    memory_limit: str | None = Field(
        default="48MB",
        description="How much memory DuckDB may use while it lands records, such as 48MB (default) "
        "or 4GB; what does not fit goes to a temporary file, and where that is not possible, the "
        "limit is lifted. None leaves it to DuckDB, which takes 80 % of the machine's. A "
        "`memory_limit` in the DuckDB resource's `connection_config` wins over it.",
    )

    @field_validator("preview", mode="after")
    @classmethod
    def _check_preview(cls, value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, dg.EnvVar) and value not in PREVIEWS:
            raise ValueError(f"preview is {value!r}: it must be one of {', '.join(PREVIEWS)}")
        return value

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
        warehouse = self._warehouse_of(context.definition_metadata, context.log.warning)
        table = context.asset_key.path[-1]
        my_turn = turn(
            self.duckdb.database,
            f"{warehouse.schema}.{table}",
            context.run_id,
            self.patience,
            context.log.warning,
        )
        with _refusals_as_failures(), fewer_collections(), my_turn:
            started = time.monotonic()
            landing = Landing(warehouse, table, obj.table, obj.source, context.run_id)
            resume(context, landing)
            writer = _Writer(context, landing, obj)
            writer.take_in()
            # As long as one connection is open, a further one costs next to nothing.
            with warehouse.connection():
                writer.finish()
                seconds = round(time.monotonic() - started, 3)
                context.add_output_metadata(
                    {
                        **facts_of(landing, obj, context.asset_key),
                        **writer.progress(),
                        **writer.lag(),
                        metadata.SECONDS: seconds,
                        **look_inside(
                            landing, obj.presentation, self.preview, self.charts, context.log
                        ),
                    }
                )

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame":
        """A table, or the columns of it that the input's metadata names, as a DataFrame.

        Raises:
            Failure: When there is no such table.
        """
        source = context.upstream_output
        key = context.asset_key if source is None else source.asset_key
        warehouse = self._warehouse_of(source.definition_metadata if source else None)
        columns = (context.definition_metadata or {}).get("columns")
        wanted = comma(columns) if columns else "*"

        def load(connection: DuckDBPyConnection) -> "pd.DataFrame":
            table = path(connection, warehouse.schema, key.path[-1])
            return connection.execute(f"select {wanted} from {table}").df()

        return warehouse.ask(load)

    def warehouse(
        self, schema: str | None = None, say: Callable[[str], None] | None = None
    ) -> Warehouse:
        """The tables of a schema, by default this manager's own.

        Args:
            schema: The schema.
            say: Takes a line for the log.
        """
        told = {"say": say} if say else {}
        # A limit in the resource's own configuration holds for everything that uses the database.
        is_limited = _LIMITS & {name.lower() for name in self.duckdb.connection_config}
        return Warehouse(
            self._connect,
            schema or self.schema_name,
            None if is_limited else self.memory_limit,
            _limit_lifted(self.duckdb.database),
            self.lock_timeout,
            **told,
        )

    def _warehouse_of(
        self, definition_metadata: Any, say: Callable[[str], None] | None = None
    ) -> Warehouse:
        return self.warehouse((definition_metadata or {}).get("schema"), say)

    @contextmanager
    def _connect(self) -> Iterator[DuckDBPyConnection]:
        # Not by the resource's own get_connection, which tries again for 100 s whatever is wrong,
        # and never says so. The configuration is the same: both may be open in one process.
        config = {"custom_user_agent": "dagster", **self.duckdb.connection_config}
        with (
            alone(self.duckdb.database),
            duckdb.connect(self.duckdb.database, config=config) as connection,
        ):
            yield connection


# Once for each database and process: within one they share its memory, whoever opens it.
@cache
def _limit_lifted(database: str) -> threading.Event:
    """Is set once the memory limit proved too little for a database."""
    return threading.Event()


class _Writer:
    """Gathers an extraction's batches into commits, and tells Dagster how far it is."""

    def __init__(self, context: dg.OutputContext, landing: Landing, extraction: Extraction) -> None:
        self._context = context
        self._landing = landing
        self._extraction = extraction
        self._before = landing.stored.state
        self._state = landing.stored.state
        self._progress = Progress(
            landing.name, extraction.unit, extraction.expected, context.log.info
        )
        self._committing: tuple[Buffer, Callable[[], None]] | None = None
        self._committed_at = time.monotonic()
        self._observed_at: float | None = None
        self._records = 0

    def take_in(self) -> None:
        """Commits batch after batch, in the order that the stream yields them."""
        landing, extraction = self._landing, self._extraction
        try:
            for batch in extraction.batches(landing.stored.state, landing.queue()):
                self._take(batch)
        except (dg.Failure, dg.RetryRequested):
            # The source failed. What it gave until then need not be read again.
            if not extraction.table.replace:
                self._commit()
            self._settle()
            raise

    def finish(self) -> None:
        """Stores what is left, once the stream is over."""
        if not self._extraction.table.replace:
            self._commit()
        self._settle()
        if self._extraction.table.replace:
            self._records += self._landing.waiting.count
            self._landing.replace([], self._extraction.allow_empty)

    def _take(self, batch: Batch) -> None:
        if batch.sweep:
            self._commit()
            self._settle()
            self._landing.sweep(batch.state, self._extraction.allow_shrink)
            self._state = batch.state
            return
        self._landing.waiting.add(batch)
        self._progress.add(self._extraction.done(batch))
        if self._is_due():
            self._commit()

    def lag(self) -> dict[str, float]:
        """How far the bookmark is behind the source's clock, for a table that has a bookmark."""
        if self._extraction.table.replace or self._state is None or not self._state.bookmark:
            return {}
        return {metadata.LAG: round(max(0.0, self._extraction.now() - self._state.bookmark), 3)}

    def _is_due(self) -> bool:
        return (
            self._landing.waiting.count >= COMMIT_ROWS
            or self._landing.waiting.size >= COMMIT_BYTES
            or time.monotonic() - self._committed_at >= COMMIT_SECONDS
        )

    def _commit(self) -> None:
        """Commits what waits, while the next batches come in: DuckDB needs no Python for it."""
        self._settle()
        buffer = self._landing.take()
        stored = in_background(partial(self._landing.store, buffer), WRITERS)
        self._committing = (buffer, stored)
        self._committed_at = time.monotonic()

    def _settle(self) -> None:
        """Waits for the commit under way, and raises what went wrong in it."""
        if self._committing is None:
            return
        (buffer, result), self._committing = self._committing, None
        result()
        if buffer.state is not None:
            self._state = buffer.state
            self._records += buffer.count
            self._observe()
        collect_recent()

    def _observe(self) -> None:
        """Shows the progress of a long run. An observation triggers nothing downstream."""
        now = time.monotonic()
        if self._observed_at is not None and now - self._observed_at < OBSERVATION_SECONDS:
            return
        self._observed_at = now
        self._context.log_event(
            dg.AssetObservation(self._context.asset_key, metadata=self.progress())
        )

    def progress(self) -> dict[str, Any]:
        """How far the run is: records, what they changed, and the bookmark."""
        changes = self._landing.changes
        facts: dict[str, Any] = {
            metadata.RECORDS: self._records,
            metadata.INSERTED: changes.inserted,
            metadata.UPDATED: changes.updated,
            metadata.UNCHANGED: changes.unchanged,
        }
        if not self._extraction.table.replace:
            facts[metadata.BOOKMARK] = _bookmark(self._state)
            facts[metadata.BOOKMARK_BEFORE] = _bookmark(self._before)
        return facts


def _bookmark(state: SyncState | None) -> str | None:
    return None if state is None else to_iso(state.bookmark)


@contextmanager
def _refusals_as_failures() -> Iterator[None]:
    """Turns what the warehouse refuses into a failure that no retry policy repeats."""
    try:
        yield
    except WarehouseError as problem:
        raise dg.Failure(str(problem), allow_retries=False) from problem
