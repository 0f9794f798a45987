"""``intercom-assets``: what is done with the warehouse outside Dagster."""

from __future__ import annotations

import argparse
import os
import sys
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
    report.add_argument("--database", help="a DuckDB file; default INTERCOM_DUCKDB_PATH")
    report.add_argument("--schema", default=MODELS_SCHEMA, help="of the models")
    report.add_argument("--first", type=date.fromisoformat, help="first day; default 28 days")
    report.add_argument("--last", type=date.fromisoformat, help="last day; default the newest")
    report.add_argument("--output", type=Path, default=Path("support_report.html"))
    report.set_defaults(run=_report)
    package = commands.add_parser("dbt-package", help="say where the dbt package is")
    package.set_defaults(run=lambda _: print(PACKAGE))
    given = parser.parse_args(arguments)
    given.run(given)


def _report(given: argparse.Namespace) -> None:
    from intercom_assets.report.figures import figures_of
    from intercom_assets.report.page import page_of

    database = given.database or os.environ.get("INTERCOM_DUCKDB_PATH") or "intercom.duckdb"
    try:
        with duckdb.connect(database, read_only=True) as connection:
            figures = figures_of(connection, given.schema, given.first, given.last)
        given.output.write_text(page_of(figures), "utf-8")
    except (duckdb.Error, LookupError, OSError) as problem:
        sys.exit(f"intercom-assets: {problem}")
    except ImportError as problem:
        sys.exit(f"intercom-assets: {problem}. Install intercom-assets[report]")
    print(given.output)


if __name__ == "__main__":
    main()
