"""``make demo``: a whole workspace into DuckDB, then an increment, without an Intercom account."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from rich.console import Console
from rich.table import Table

from intercom_assets.observability import metadata
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS

DATABASE = Path("demo.duckdb")
HOME = Path(".demo")
LOG = HOME / "demo.log"

console = Console()


def main() -> None:
    """Runs the demo in the working directory.

    Raises:
        SystemExit: When a run fails; says where its log is.
    """
    DATABASE.unlink(missing_ok=True)
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    (HOME / "dagster.yaml").touch()  # without one Dagster says at length that it uses its defaults
    with Sandbox(latency=0.02) as sandbox, _environment(sandbox):
        console.print(f"An Intercom-compatible sandbox is listening at {sandbox.url}.")
        _materialize("First run: everything")
        _show("First run: everything")
        changed = sandbox.workspace.change(20)
        told = ", ".join(f"{count} {name}" for name, count in changed.items() if count)
        console.print(f"\nSomebody works in Intercom for a while and changes: {told}.")
        _materialize("Second run: only what changed")
        _show("Second run: only what changed")
    _say_how_to_go_on()


@contextmanager
def _environment(sandbox: Sandbox) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(
        DAGSTER_HOME=str(HOME.resolve()),
        INTERCOM_ACCESS_TOKEN=sandbox.token,
        INTERCOM_BASE_URL=sandbox.url,
        INTERCOM_DUCKDB_PATH=str(DATABASE.resolve()),
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _materialize(what: str) -> None:
    command = [sys.executable, "-m", "dagster", "asset", "materialize"]
    command += ["-m", "intercom_assets", "--select", "*"]
    with LOG.open("ab") as log, console.status(f"{what} (dagster asset materialize)"):
        run = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if run.returncode:
        tail = LOG.read_text(errors="replace").splitlines()[-15:]
        console.print("\n".join(tail), markup=False)
        raise SystemExit(f"The run failed; the whole log is in {LOG}.")


def _show(title: str) -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("stream")
    for name in ("rows", "new", "updated", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("bookmark")
    with dg.DagsterInstance.get() as instance:
        for stream in STREAMS:
            table.add_row(stream, *_told(instance, stream))
    console.print(table)


def _told(instance: dg.DagsterInstance, stream: str) -> Iterator[str]:
    event = instance.get_latest_materialization_event(dg.AssetKey(stream))
    facts: dict[str, Any] = {}
    if event and event.asset_materialization:
        facts = {key: value.value for key, value in event.asset_materialization.metadata.items()}
    for key in (metadata.ROW_COUNT, metadata.INSERTED, metadata.UPDATED, metadata.SECONDS):
        value = facts.get(key)
        yield f"{value:.2f}" if isinstance(value, float) else str(value)
    yield str(facts.get(metadata.BOOKMARK) or "-")


def _say_how_to_go_on() -> None:
    query = (
        "select c.id, c.state, count(*) as parts, max(p.created_at) as newest\n"
        "from intercom.conversations c join intercom.conversation_parts p "
        "on p.conversation_id = c.id\ngroup by all order by parts desc limit 5"
    )
    with duckdb.connect(str(DATABASE), read_only=True) as connection:
        console.print("\nThe longest conversations, straight from DuckDB:")
        console.print(str(connection.sql(query)), markup=False)
    console.print(
        f"Everything is in {DATABASE} (schema intercom). To look further:\n"
        f"  .venv/bin/python -c \"import duckdb; duckdb.connect('{DATABASE}')"
        ".sql('from intercom.contacts').show()\"\n"
        f"  DAGSTER_HOME=$PWD/{HOME} .venv/bin/dagster dev      the Dagster UI with both runs\n"
        "With an Intercom access token of your own: see the README's quick start.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
