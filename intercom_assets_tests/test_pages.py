"""What README and docs tell people to type, typed."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.pages import Command, commands
from intercom_assets_tests.typed import Checkout, check_out

# Why a command is not typed here. A new one on a page is in neither list, and fails a test.
NOT_TYPED = {
    r"git clone": "a checkout is made instead",
    r"make (setup|demo|demo-ui)$": "test_make.py",
    r"make ": "are this test run itself, or take an hour",
    r"pip install intercom-assets$": "test_packages.py installs it",
    r"kubectl|docker|dagster-cloud": "need a cluster or an account; see test_deploy.py",
    r"dagster-(webserver|daemon) .*-w workspace.yaml": "are for the image; test_deploy.py",
    r"python -m intercom_assets_tests.ui": "replaces the pictures in docs; test_ui.py",
    r"python -m intercom_assets_tests.tables": "replaces the tables in docs; test_docs_tables.py",
    r"python -m benchmarks ": "take minutes, and a machine that does nothing else",
    r"intercom-assets erase": "needs the id of somebody; test_erasure.py",
    r"INTERCOM_\w+=\S+( \S+)*$": "are settings; test_warehouse_settings.py",
    r"tap-intercom-assets .*\| target-jsonl": "test_tap_targets.py",
    r"dg (list components|scaffold|check)": "test_new_project.py",
}
SERVERS = ("dagster dev", "dg dev")
TYPED = (
    r"cp .env.example .env",
    r"source env.sh",
    r"unset DAGSTER_MODULE_NAME",
    r"(INTERCOM_\w+=\S+ )?dagster (asset|sensor|schedule) ",
    r"dg launch ",
    r"python -c ",
    r"python -m intercom_assets.sandbox ",
    r"tap-intercom-assets ",
    *(f"{server}$" for server in SERVERS),
)


def matches(patterns: tuple[str, ...] | dict[str, str], command: str) -> bool:
    return any(re.match(pattern, command) for pattern in patterns)


def to_type(*pages: str) -> Iterator[Command]:
    """The commands that are typed, each once a page unless it is a server."""
    for command in dict.fromkeys(commands()):
        wanted = command.page in pages or not pages
        if wanted and matches(TYPED, command.text) and not matches(NOT_TYPED, command.text):
            yield command


def test_every_command_of_the_pages_is_typed_or_says_why_not() -> None:
    found = commands()
    assert Command("README.md", "dagster asset materialize --select 'not key:tags'") in found
    assert len(found) > 40
    unknown = [each for each in found if not matches((*TYPED, *NOT_TYPED), each.text)]
    assert unknown == []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return check_out(tmp_path / "checkout")


def fill_in(checkout: Checkout, sandbox: Sandbox) -> None:
    """Writes the token into ``.env``, and where it is valid."""
    path = checkout.folder / ".env"
    text = path.read_text().replace(
        "INTERCOM_ACCESS_TOKEN=\n", f"INTERCOM_ACCESS_TOKEN={sandbox.token}\n"
    )
    path.write_text(f"{text}INTERCOM_BASE_URL={sandbox.url}\n")


def contacts(checkout: Checkout, where: str = "true") -> int:
    database = str(checkout.folder / "warehouse.duckdb")
    with duckdb.connect(database, read_only=True) as connection:
        sql = f"select count(*) from intercom.contacts where {where}"
        return int(connection.sql(sql).fetchall()[0][0])


@pytest.mark.slow
def test_readmes_quick_start_as_it_is_typed(checkout: Checkout, sandbox: Sandbox) -> None:
    """All commands in their order; at the end, with sensors, a change lands by itself."""
    typed = []
    for _, command in to_type("README.md"):
        typed.append(command)
        if command == "cp .env.example .env":
            checkout.setup = ""  # env.sh comes next
            checkout.type(command)
            fill_in(checkout, sandbox)
        elif command in SERVERS:
            with checkout.serve(command) as server:
                assert "contacts" in server.assets()
        elif command.startswith("python -m intercom_assets.sandbox"):
            _serves_a_sandbox(checkout, command)
        elif command.startswith("source"):
            checkout.setup = command
        else:
            checkout.type(command)
            assert contacts(checkout) == len(sandbox.workspace.contacts)
    assert "dagster sensor start intercom_changes" in typed and len(typed) > 10
    with checkout.serve("dagster dev"):
        sandbox.workspace.clock.advance(60)
        sandbox.workspace.update("contacts", next(iter(sandbox.workspace.contacts)), name="Changed")
        deadline = time.monotonic() + 240
        while not _has_changed(checkout):
            assert time.monotonic() < deadline, (checkout.folder / "server.log").read_text()
            time.sleep(2)


def _has_changed(checkout: Checkout) -> bool:
    try:
        return contacts(checkout, "name = 'Changed'") == 1
    except duckdb.Error:  # a run is writing
        return False


def _serves_a_sandbox(checkout: Checkout, command: str) -> None:
    log = checkout.folder / "sandbox.log"
    checkout.setup = "source .venv/bin/activate"
    with checkout.shell(f"{command} --port 0", log):
        deadline = time.monotonic() + 60
        while not (told := re.search(r"INTERCOM_BASE_URL=(\S+)", log.read_text())):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{told[1]}/me", timeout=10)
    checkout.setup = "source env.sh"


@pytest.mark.slow
def test_the_commands_of_the_other_pages_are_typed(checkout: Checkout, sandbox: Sandbox) -> None:
    settings = {"ACCESS_TOKEN": sandbox.token, "BASE_URL": sandbox.url}
    checkout.write_env(
        INTERCOM_DUCKDB_PATH="warehouse.duckdb",
        **{f"INTERCOM_{name}": value for name, value in settings.items()},
    )
    config = ", ".join(f'"{name.lower()}": "{value}"' for name, value in settings.items())
    (checkout.folder / "config.json").write_text(f"{{{config}}}")
    done = set(to_type("README.md"))
    texts = {text for _, text in done}
    for _, command in to_type():
        if command not in texts and command not in SERVERS and not command.startswith("source"):
            checkout.type(command)
            texts.add(command)
