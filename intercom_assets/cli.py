"""``intercom-assets``: what is done with the warehouse outside Dagster."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

import duckdb

from intercom_assets.models.building import MODELS_SCHEMA
from intercom_assets.models.package import PACKAGE


def main(arguments: list[str] | None = None) -> None:
    """Runs a subcommand.

    Raises:
        SystemExit: With a sentence that says what to do, when it cannot be done.
    """
    parser = argparse.ArgumentParser(prog="intercom-assets", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report = commands.add_parser("report", help="write a page of pictures of a period")
    tables = "where the tables are; default INTERCOM_WAREHOUSE, INTERCOM_DUCKDB_PATH"
    report.add_argument("--warehouse", "--database", help=tables)
    report.add_argument("--schema", default=MODELS_SCHEMA, help="of the models")
    report.add_argument("--first", type=date.fromisoformat, help="first day; default 28 days")
    report.add_argument("--last", type=date.fromisoformat, help="last day; default the newest")
    report.add_argument("--output", type=Path, default=Path("support_report.html"))
    report.set_defaults(run=_report)
    erase = commands.add_parser("erase", help="take one person out of every table")
    erase.add_argument("what", choices=["contact"])
    erase.add_argument("id", help="the contact's id at Intercom")
    erase.add_argument("--warehouse", help=tables)
    erase.add_argument("--schema", default="intercom", help="of the tables")
    erase.add_argument("--dry-run", action="store_true", help="only tell what would be removed")
    erase.add_argument(
        "--compact", action="store_true", help="then write the file anew, without old pages"
    )
    erase.set_defaults(run=_erase)
    package = commands.add_parser("dbt-package", help="say where the dbt package is")
    package.set_defaults(run=lambda _: print(PACKAGE))
    given = parser.parse_args(arguments)
    given.run(given)


def _report(given: argparse.Namespace) -> None:
    from intercom_assets.report.figures import figures_of
    from intercom_assets.report.page import page_of
    from intercom_assets.warehouse.errors import WarehouseError

    try:
        with _to_read(given.warehouse) as connection:
            figures = figures_of(connection, given.schema, given.first, given.last)
        given.output.write_text(page_of(figures), "utf-8")
    except (WarehouseError, duckdb.Error, LookupError, OSError) as problem:
        sys.exit(f"intercom-assets: {problem}")
    except ImportError as problem:
        sys.exit(f"intercom-assets: {problem}. Install intercom-assets[report]")
    print(given.output)


def _to_read(warehouse: str | None) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    from intercom_assets.warehouse.location import local_file
    from intercom_assets.warehouse_resource import WarehouseResource, place_of

    resource = WarehouseResource.of_environment(database=warehouse)
    file = local_file(place_of(resource).database)
    # Beside others that read the file.
    return resource.get_connection() if file is None else duckdb.connect(file, read_only=True)


def _erase(given: argparse.Namespace) -> None:
    from intercom_assets.erasing import erase_in
    from intercom_assets.erasure import NotErasable
    from intercom_assets.io_manager import IntercomDuckDBIOManager
    from intercom_assets.warehouse.compaction import compact
    from intercom_assets.warehouse.errors import WarehouseError
    from intercom_assets.warehouse.location import local_file
    from intercom_assets.warehouse_resource import WarehouseResource

    store = IntercomDuckDBIOManager(
        duckdb=WarehouseResource.of_environment(database=given.warehouse),
        schema_name=given.schema,
    )
    try:
        file = local_file(store.place.database)
    except WarehouseError as problem:
        sys.exit(f"intercom-assets: {problem}")
    if file is not None and not file.exists():
        sys.exit(f"intercom-assets: there is no {file}: say where the tables are by --warehouse")
    if given.compact and file is None:
        sys.exit("intercom-assets: only a DuckDB file can be written anew")
    run_id = f"intercom-assets erase {os.getpid()}"
    try:
        erased = erase_in(store, given.id, run_id, given.dry_run, _say)
        print(*erased.lines(), sep="\n")
        if given.compact and file is not None and not given.dry_run:
            compact(file)
    except (NotErasable, WarehouseError, duckdb.Error) as problem:
        sys.exit(f"intercom-assets: {problem}")


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
