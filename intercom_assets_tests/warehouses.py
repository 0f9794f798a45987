"""Warehouses of each kind for tests: a DuckDB file, and a DuckLake over a Postgres of their own.

A DuckLake takes DuckDB's extensions. `make test-lake` has them from PyPI, for one release of
DuckDB; elsewhere tests are made for files only.
"""

from __future__ import annotations

import atexit
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import duckdb
from dagster_duckdb import DuckDBResource

from intercom_assets import WarehouseResource
from intercom_assets.warehouse import Warehouse
from intercom_assets.warehouse.kinds import kind_of
from intercom_assets.warehouse.kinds.ducklake import NAME
from intercom_assets.warehouse.place import Place
from intercom_assets_tests.servers import Postgres

Database: TypeAlias = Path | str
FILE, LAKE = "file", "lake"
_PACKAGES = ("ducklake", "postgres_scanner", "httpfs")


@cache
def extension_directory() -> str | None:
    """A folder with DuckDB's extensions as DuckDB looks for them; None where there are none."""
    folder = Path(tempfile.mkdtemp(prefix="intercom_assets_extensions_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    version = f"v{duckdb.__version__}"
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    home = folder / version / f"linux_{machine}"
    home.mkdir(parents=True)
    for name in _PACKAGES:
        spec = find_spec(f"duckdb_extension_{name}")
        places = spec.submodule_search_locations if spec else None
        file = f"{name}.duckdb_extension"
        found = [Path(p) / "extensions" / version / file for p in places or ()]
        if not found or not found[0].exists():
            return None
        (home / file).symlink_to(found[0])
    return str(folder)


def kinds() -> list[str]:
    """The kinds that can be tested here."""
    return [FILE, LAKE] if extension_directory() else [FILE]


def new_lake(server: Postgres, name: str, data: Path | str) -> str:
    """Makes a DuckLake; from then on its address is enough."""
    database = f"ducklake:postgres:{server.create(name)}"
    with duckdb.connect(config=_config(database)) as connection:
        connection.execute(f"attach '{database}' as made (data_path '{data}')")
    return database


def place_of(database: Database) -> Place:
    """Where a database is, as the package knows it."""
    return Place(
        str(database), extension_directory=extension_directory() if _is_lake(database) else None
    )


def resource_of(database: Database, **options: object) -> DuckDBResource:
    """A database as a resource of Dagster's."""
    if not _is_lake(database):
        return DuckDBResource(database=str(database), **options)  # type: ignore[arg-type]
    return WarehouseResource(database=str(database), extension_directory=extension_directory())


def warehouse_of(database: Database) -> Warehouse:
    """The tables of the schema ``intercom``."""
    place = place_of(database)
    kind = kind_of(place.database)
    if not _is_lake(database):
        return Warehouse(lambda: duckdb.connect(place.database), "intercom")
    return Warehouse(lambda: kind.connect(place), "intercom", kind=kind)


def settle(folder: Path, database: Database) -> Path:
    """Has the runs of a folder write a lake, rather than a file in it."""
    if _is_lake(database):
        (folder / "lake").write_text(str(database))
    return folder


def database_of(folder: Path) -> Database:
    """Where the runs of a folder write."""
    lake = folder / "lake"
    return lake.read_text() if lake.exists() else folder / "warehouse.duckdb"


def book(database: Database, name: str, stream: str) -> str:
    """The table of the package's own in which something of a stream stands."""
    return f"intercom.{kind_of(str(database)).book(name, stream)}"


@contextmanager
def opened(database: Database) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of somebody else, who knows only DuckDB."""
    if not _is_lake(database):
        with duckdb.connect(str(database)) as connection:
            yield connection
        return
    cursor = _instance(str(database)).cursor()
    try:
        cursor.execute(f"use {NAME}")
        yield cursor
    finally:
        cursor.close()


def tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The tables that a connection sees in its database."""
    asked = "select table_name from duckdb_tables() where database_name = current_database()"
    return {name for (name,) in connection.execute(asked).fetchall()}


@cache
def _instance(database: str) -> duckdb.DuckDBPyConnection:
    instance = duckdb.connect(config=_config(database))
    instance.execute(f"attach '{database}' as {NAME}")
    return instance


def forget_lakes() -> None:
    """Closes what is open."""
    _instance.cache_clear()


def _is_lake(database: Database) -> bool:
    return str(database).startswith("ducklake:")


def _config(database: Database) -> dict[str, str]:
    return {"extension_directory": extension_directory() or ""}
