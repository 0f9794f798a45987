"""Where the tables are, as a Dagster resource: a DuckDB file, MotherDuck, or a DuckLake."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection
from pydantic import Field

from intercom_assets.warehouse.errors import WarehouseError
from intercom_assets.warehouse.explaining import explained
from intercom_assets.warehouse.kinds import DUCKLAKE, kind_of
from intercom_assets.warehouse.location import located
from intercom_assets.warehouse.place import Place

# The first of these that is set says where the tables are.
VARIABLES = ("INTERCOM_WAREHOUSE", "INTERCOM_DUCKDB_PATH")


class WarehouseResource(DuckDBResource):
    """A DuckDB file, MotherDuck or a DuckLake, and how it is opened.

    It is a DuckDBResource: other assets may ask it for connections, too.

    Example:
        .. code-block:: python

            WarehouseResource(
                database=dg.EnvVar("INTERCOM_WAREHOUSE"),  # ducklake:postgres:dbname=lake host=db
                data_path="s3://bucket/intercom",
                # Takes DuckDB's extension `aws`.
                init_sql=["create secret (type s3, provider credential_chain, refresh auto)"],
            )
    """

    database: str = Field(
        default="intercom.duckdb",
        description="A DuckDB file (default intercom.duckdb), md:name for MotherDuck, or ducklake: "
        "with its catalogue, such as ducklake:postgres:dbname=lake host=db.",
    )
    data_path: str | None = Field(
        default=None,
        description="Where a DuckLake keeps its data, such as s3://bucket/folder; one that is "
        "there knows its own.",
    )
    attach: dict[str, Any] = Field(
        default={},
        description="Further options of attaching a DuckLake, by name, such as METADATA_SCHEMA or "
        "DATA_INLINING_ROW_LIMIT.",
    )
    init_sql: list[str] = Field(
        default=[],
        description="SQL for each new connection, before anything else, such as CREATE SECRET. "
        "${NAME} stands for the text of an environment variable, which nothing shows.",
    )
    extension_directory: str | None = Field(
        default=None,
        description="Where DuckDB's extensions are, and are installed; default DuckDB's own, in "
        "the home folder.",
    )

    @classmethod
    def of_environment(cls, **given: Any) -> "WarehouseResource":
        """The warehouse that the environment names, where it is not given.

        Args:
            **given: Fields; None leaves one to the environment.
        """
        fields: dict[str, Any] = {
            "database": next(filter(os.environ.get, VARIABLES), None),
            "data_path": "INTERCOM_DATA_PATH",
            "extension_directory": "INTERCOM_EXTENSION_DIRECTORY",
        }
        # Variables, not what they hold: a catalogue's address may have a password in it.
        found = {
            name: dg.EnvVar(variable)
            for name, variable in fields.items()
            if variable and os.environ.get(variable)
        }
        return cls(**{**found, **{name: v for name, v in given.items() if v is not None}})

    @contextmanager
    def get_connection(self) -> Iterator[DuckDBPyConnection]:
        """A connection in whose current database the tables are."""
        place = place_of(self)
        kind = kind_of(place.database)
        with explained(kind, place.hide), kind.connect(place) as connection:
            yield connection


def place_of(resource: DuckDBResource) -> Place:
    """Where a resource's warehouse is, and how it is opened."""
    database, config = located(_text(resource.database) or ""), dict(resource.connection_config)
    if not isinstance(resource, WarehouseResource):
        return Place(database, config)
    data_path = _text(resource.data_path)
    return Place(
        database,
        config,
        data_path=data_path and located(data_path),
        attach=dict(resource.attach),
        init_sql=tuple(resource.init_sql),
        extension_directory=_text(resource.extension_directory),
    )


def is_lake(resource: DuckDBResource) -> bool:
    """Whether a resource's warehouse is a DuckLake, as far as that is known before a run."""
    return kind_of(place_of(resource).database) is DUCKLAKE


@contextmanager
def refusals_as_failures() -> Iterator[None]:
    """Turns what the warehouse refuses into a failure that no retry policy repeats."""
    try:
        yield
    except WarehouseError as problem:
        raise dg.Failure(str(problem), allow_retries=False) from problem


def _text(value: str | None) -> str | None:
    """A setting's text, also where Dagster has not looked up its variable."""
    return value.get_value() if isinstance(value, dg.EnvVar) else value
