"""Where the tables are, as a Dagster resource: a DuckDB file, MotherDuck, or a DuckLake."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection
from pydantic import Field

from intercom_assets.warehouse import variables
from intercom_assets.warehouse.errors import DatabaseUnavailable, WarehouseError
from intercom_assets.warehouse.explaining import explained
from intercom_assets.warehouse.kinds import DUCKLAKE, kind_of
from intercom_assets.warehouse.location import located
from intercom_assets.warehouse.place import Place

# The first of these that is set says where the tables are.
VARIABLES = ("INTERCOM_WAREHOUSE", "INTERCOM_DUCKDB_PATH")


class WarehouseResource(DuckDBResource):
    """A DuckDB file, MotherDuck or a DuckLake, and how it is opened.

    It is a DuckDBResource: other assets may ask it for connections, too. In each field ``${NAME}``
    stands for the text of an environment variable, which nothing shows.

    Example:
        .. code-block:: python

            WarehouseResource(
                database="ducklake:postgres:dbname=lake host=db password=${LAKE_PASSWORD}",
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
        description="Options of attaching, by name: a DuckLake's, such as METADATA_SCHEMA, or a "
        "DuckDB file's, such as ENCRYPTION_KEY or STORAGE_VERSION.",
    )
    attach_json: str | None = Field(
        default=None,
        description="Such options as an object in JSON, for a variable that holds all of them.",
    )
    init_sql: list[str] = Field(
        default=[],
        description="SQL that is run before anything else, such as CREATE SECRET. ${NAME} stands "
        "for the text of an environment variable, which nothing shows; a variable that stands "
        "alone holds statements.",
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
            "attach_json": None if given.get("attach") else "INTERCOM_ATTACH",
        }
        # Variables, not what they hold: a catalogue's address may have a password in it.
        found: dict[str, Any] = {
            name: dg.EnvVar(variable)
            for name, variable in fields.items()
            if variable and os.environ.get(variable)
        }
        if os.environ.get("INTERCOM_INIT_SQL"):
            found["init_sql"] = ["${INTERCOM_INIT_SQL}"]
        return cls(**{**found, **{name: v for name, v in given.items() if v is not None}})

    def with_config(self, config: Mapping[str, Any]) -> "WarehouseResource":
        """The same with further configuration of connections; what it says itself wins.

        Args:
            config: Names and values of DuckDB's settings.
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, "connection_config": {**config, **self.connection_config}})

    @contextmanager
    def get_connection(self) -> Iterator[DuckDBPyConnection]:
        """A connection in whose current database the tables are."""
        place = place_of(self)
        kind = kind_of(place.database)
        with explained(kind, place.hide), kind.connect(place) as connection:
            yield connection


def place_of(resource: DuckDBResource) -> Place:
    """Where a resource's warehouse is, and how it is opened.

    Raises:
        DatabaseUnavailable: When it names an environment variable that is not set.
    """
    database, config = _text(resource.database) or "", _templates(resource.connection_config)
    named, config = variables.names_in(*config.values()), variables.in_options(config)
    if not isinstance(resource, WarehouseResource):
        return Place(located(database), config, named=named)
    attach = {**_options(_text(resource.attach_json)), **_templates(resource.attach)}
    data_path, extensions = _text(resource.data_path), _text(resource.extension_directory)
    return Place(
        located(variables.in_address(database)),
        config,
        data_path=data_path and located(variables.in_text(data_path)),
        attach=variables.in_options(attach),
        init_sql=tuple(map(_template, resource.init_sql)),
        extension_directory=extensions and variables.in_text(extensions),
        named=named + variables.names_in(database, data_path, extensions, *attach.values()),
    )


def is_lake(resource: DuckDBResource) -> bool:
    """Whether a resource's warehouse is a DuckLake, as far as that is known before a run."""
    return kind_of(variables.known(_text(resource.database) or "")) is DUCKLAKE


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


def _template(value: Any) -> Any:
    """A value; an environment variable is named as in a text."""
    # Within a field Dagster looks up nothing: it writes down what was to be looked up.
    is_written = isinstance(value, Mapping) and list(value) == ["env"]
    name = value["env"] if is_written else getattr(value, "env_var_name", None)
    return value if name is None else f"${{{name}}}"


def _templates(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _template(value) for name, value in values.items()}


def _options(written: str | None) -> dict[str, Any]:
    """Options of attaching that are written in JSON."""
    try:
        options = json.loads(written or "{}")
    except ValueError:
        options = None
    if not isinstance(options, dict):
        # Not as the parser says it, for it quotes what it reads.
        raise DatabaseUnavailable(
            "the options of attaching, INTERCOM_ATTACH or attach_json, are no object in JSON: "
            """write them as in {"METADATA_SCHEMA": "lake"}"""
        )
    return options
