"""``make demo``: a whole workspace into DuckDB, then an increment, without an Intercom account.

``make demo-ui`` goes on from there: the sandbox stays, and Dagster's UI opens on both runs.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from rich.console import Console
from rich.table import Table

from intercom_assets.observability import metadata
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams.selection import choose

# Everything of the demo's is in there. Its commands run there, too: Dagster reads .env from the
# directory that it is started in, and what stands there wins over the environment.
HOME = Path(".demo")
DATABASE = HOME / "demo.duckdb"
LOG = HOME / "demo.log"
INSTANCE = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_launcher: {module: intercom_assets.launcher, class: WatchfulRunLauncher}
run_monitoring: {enabled: true, poll_interval_seconds: 30}
concurrency:
  pools: {default_limit: 1, granularity: run}
"""
# Settings of the user's, which are none of the demo's business.
THEIRS = ("INTERCOM_", "DAGSTER_")
CHANGE_SECONDS = 60
START_SECONDS = 300

console = Console()


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the demo in ``.demo/`` of the working directory.

    Args:
        argv: Arguments; by default those of the command line.

    Raises:
        SystemExit: When a run fails; says where its log is.
    """
    options = _arguments(argv)
    if options.ui and find_spec("dagster_webserver") is None:
        raise SystemExit("Dagster's UI is not installed: pip install dagster-webserver")
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    (HOME / "dagster.yaml").write_text(INSTANCE)
    with Sandbox(latency=0.02) as sandbox:
        console.print(f"An Intercom-compatible sandbox is listening at {sandbox.url}.")
        _materialize(sandbox, "First run: everything")
        _show("First run: everything")
        told = _change(sandbox, 20)
        console.print(f"\nSomebody works in Intercom for a while and changes: {told}.")
        _materialize(sandbox, "Second run: only what changed")
        _show("Second run: only what changed")
        _show_conversations()
        if options.ui:
            _stay(sandbox, options.port)
    if not options.ui:
        _say_how_to_go_on()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m intercom_assets.demo",
        description="Loads a make-believe Intercom workspace into .demo/demo.duckdb, changes a few "
        "things in it, and loads what changed. Needs no account; settings and .env are not read.",
    )
    parser.add_argument(
        "--ui", action="store_true", help="then leave the sandbox running and open Dagster's UI"
    )
    parser.add_argument("--port", type=int, default=3000, help="of the UI (default %(default)s)")
    return parser.parse_args(argv)


def _change(sandbox: Sandbox, count: int) -> str:
    changed = sandbox.workspace.change(count)
    return ", ".join(f"{count} {name}" for name, count in changed.items() if count)


def _environment(sandbox: Sandbox) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(THEIRS)}
    return mine | {
        "DAGSTER_HOME": str(HOME.resolve()),
        "INTERCOM_ACCESS_TOKEN": sandbox.token,
        "INTERCOM_BASE_URL": sandbox.url,
        "INTERCOM_DUCKDB_PATH": str(DATABASE.resolve()),
    }


def _dagster(*words: str) -> list[str]:
    return [sys.executable, "-m", "dagster", *words, "-m", "intercom_assets.definitions"]


def _materialize(sandbox: Sandbox, what: str) -> None:
    command = _dagster("asset", "materialize", "--select", "*")
    with LOG.open("ab") as log, console.status(f"{what} (dagster asset materialize)"):
        run = subprocess.run(
            command,
            cwd=HOME,
            env=_environment(sandbox),
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if run.returncode:
        _give_up("The run failed")


def _give_up(what: str) -> None:
    tail = LOG.read_text(errors="replace").splitlines()[-15:]
    console.print("\n".join(tail), markup=False)
    raise SystemExit(f"{what}; the whole log is in {LOG}.")


def _show(title: str) -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("stream")
    for name in ("rows", "new", "updated", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("bookmark")
    with dg.DagsterInstance.from_config(str(HOME.resolve())) as instance:
        for stream in choose():
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


def _show_conversations() -> None:
    query = (
        "select c.id, c.state, count(*) as parts, max(p.created_at) as newest\n"
        "from intercom.conversations c join intercom.conversation_parts p "
        "on p.conversation_id = c.id\ngroup by all order by parts desc limit 5"
    )
    with duckdb.connect(str(DATABASE), read_only=True) as connection:
        console.print("\nThe longest conversations, straight from DuckDB:")
        console.print(str(connection.sql(query)), markup=False)


def _say_how_to_go_on() -> None:
    _say(
        f"Everything is in {DATABASE} (schema intercom). To look further:\n"
        f"  .venv/bin/python -c \"import duckdb; duckdb.connect('{DATABASE}')"
        ".sql('from intercom.contacts').show()\"\n"
        "  make demo-ui      the same with Dagster's UI, and a sandbox that stays\n"
        "With an Intercom access token of your own: see the README's quick start."
    )


def _stay(sandbox: Sandbox, port: int) -> None:
    """Serves Dagster's UI until somebody presses Ctrl-C; the workspace goes on changing."""
    url = f"http://127.0.0.1:{port}"
    with suppress(KeyboardInterrupt), _user_interface(sandbox, port) as server:
        with console.status("Dagster's UI starts (dagster dev)"):
            _wait_for(url, server)
        _say(
            f"Dagster's UI: {url}\n"
            "Materialize what you like: somebody changes something in the sandbox every minute.\n"
            f"The database is {DATABASE}, the log {LOG}. Ctrl-C ends it all."
        )
        webbrowser.open(url)
        while server.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                server.wait(CHANGE_SECONDS)
            _change(sandbox, 5)
        _give_up("Dagster's UI ended")


@contextmanager
def _user_interface(sandbox: Sandbox, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [*_dagster("dev"), "--host", "127.0.0.1", "--port", str(port)]
    with LOG.open("ab") as log:
        server = subprocess.Popen(
            command, cwd=HOME, env=_environment(sandbox), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/server_info", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    _give_up("Dagster's UI does not start")


def _say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
