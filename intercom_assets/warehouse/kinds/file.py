"""A DuckDB file, and whatever else DuckDB opens by its name alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from duckdb import DuckDBPyConnection

from intercom_assets.warehouse import initial_sql
from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets.warehouse.holding import alone
from intercom_assets.warehouse.kinds.attached import attached
from intercom_assets.warehouse.kinds.kind import Kind
from intercom_assets.warehouse.place import Place
from intercom_assets.warehouse.torn import MENDED, mended

# As dagster-duckdb's resource opens a database, so that both may have it open in one process.
AS_DAGSTER = {"custom_user_agent": "dagster"}


@contextmanager
def connect(place: Place) -> Iterator[DuckDBPyConnection]:
    """A connection to the database, which this process alone has open meanwhile.

    Raises:
        DatabaseUnavailable: When the place has what only a DuckLake can have.
    """
    if place.data_path:
        raise DatabaseUnavailable(
            "a data path is for a DuckLake, and the warehouse is none: leave it out, or name it "
            "ducklake:..."
        )
    # Not by the resource's own get_connection, which tries again for 100 s whatever is wrong,
    # and never says so.
    with alone(place.database):
        try:
            if place.attach:
                with attached(place, {**AS_DAGSTER, **place.settings}) as connection:
                    yield connection
                return
            with _opened(place) as connection:
                initial_sql.run(connection, place)
                yield connection
        except duckdb.Error as problem:
            # Of a directory's blocks DuckDB reads some only when a table is asked.
            if mended(place.database, problem):
                raise duckdb.IOException(f"{MENDED}: {problem}") from problem
            raise


def _opened(place: Place) -> DuckDBPyConnection:
    config = {**AS_DAGSTER, **place.settings}
    try:
        return duckdb.connect(place.database, config=config)
    except duckdb.ConnectionException:
        if place.settings:
            raise
        # Somebody in this process has it open without any configuration.
        return duckdb.connect(place.database)
    except duckdb.Error as problem:
        if not mended(place.database, problem):
            raise
        return duckdb.connect(place.database, config=config)


FILE = Kind(connect, passing=(MENDED,))
