"""The demo and the tests reach nothing of the user's, whatever lies in the directory."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.environments import skip_without_index
from intercom_assets_tests.typed import Checkout, Server, check_out, free_port

pytestmark = pytest.mark.slow

# What `make setup` installs, and what developers need only.
RUN = ("dagster", "dagster-webserver", "dg")
DEVELOPERS = ("pytest", "mypy", "ruff", "lint-imports")


@pytest.fixture
def theirs() -> Iterator[Sandbox]:
    """The user's own workspace, of which nothing may be asked."""
    with Sandbox(contacts=3, companies=2, conversations=2, token="their-own-token") as theirs:
        yield theirs
    assert theirs.requests == []


@pytest.fixture
def checkout(theirs: Sandbox, tmp_path: Path) -> Checkout:
    """A checkout that is set up for the user's workspace, by ``.env`` and by the shell."""
    made = check_out(tmp_path / "checkout")
    settings = {
        "INTERCOM_ACCESS_TOKEN": theirs.token,
        "INTERCOM_BASE_URL": theirs.url,
        "INTERCOM_DUCKDB_PATH": str(tmp_path / "theirs.duckdb"),
        "INTERCOM_WAREHOUSE": str(tmp_path / "theirs.duckdb"),
        "INTERCOM_START_DATE": "2100-01-01",
    }
    made.write_env(**settings)
    made.environ = settings
    return made


def rows(database: Path, table: str) -> int:
    with duckdb.connect(str(database), read_only=True) as connection:
        return int(connection.sql(f"select count(*) from intercom.{table}").fetchall()[0][0])


def test_make_demo_installs_what_is_run_and_leaves_the_user_alone(checkout: Checkout) -> None:
    skip_without_index()
    (checkout.folder / ".venv").unlink()
    checkout.setup = ""
    told = checkout.type(f"make demo PYTHON={sys.executable}", timeout=1200)
    assert "Second run: only what changed" in told
    assert rows(checkout.folder / ".demo" / "demo.duckdb", "contacts") > 100
    programs = {path.name for path in (checkout.folder / ".venv" / "bin").iterdir()}
    assert set(RUN) <= programs
    assert not programs & set(DEVELOPERS)
    assert not (checkout.folder.parent / "theirs.duckdb").exists()


def test_the_demos_ui_has_a_sandbox_that_stays(checkout: Checkout) -> None:
    port = free_port()
    log = checkout.folder / "demo.out"
    command = f"python -m intercom_assets.demo --ui --port {port}"
    with checkout.shell(command, log, BROWSER="true") as demo:
        deadline = time.monotonic() + 900
        while "Ctrl-C" not in log.read_text():
            assert demo.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        server = Server(log, port, demo)
        server.wait_until_loaded(240)
        run = server.launch("contacts")
        while (status := server.status(run)) not in ("SUCCESS", "FAILURE"):
            assert time.monotonic() < deadline, status
            time.sleep(0.5)
        assert status == "SUCCESS"
        os.killpg(demo.pid, signal.SIGINT)
        demo.wait(timeout=60)
    assert "Traceback" not in log.read_text()


def test_the_demo_says_what_it_does(checkout: Checkout) -> None:
    assert "--ui" in checkout.type("python -m intercom_assets.demo --help")
    assert not (checkout.folder / ".demo").exists()


def test_the_tests_leave_the_user_alone(checkout: Checkout) -> None:
    names = "test_cli test_component"
    files = " ".join(f"intercom_assets_tests/{name}.py" for name in names.split())
    told = checkout.type(f'python -m pytest -q -n 2 -m "not slow" {files}', timeout=1200)
    assert " passed" in told
    assert not (checkout.folder.parent / "theirs.duckdb").exists()
    left = [path.name for path in checkout.folder.rglob("*.duckdb")]
    assert left == []


def test_a_field_wins_over_the_env_file_and_that_over_the_shell(
    checkout: Checkout, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The shell names the user's workspace, the file the sandbox, the field a third."""
    checkout.write_env(
        INTERCOM_ACCESS_TOKEN=sandbox.token,
        INTERCOM_BASE_URL=sandbox.url,
        INTERCOM_DUCKDB_PATH="file.duckdb",
        INTERCOM_WAREHOUSE="file.duckdb",
        INTERCOM_START_DATE="",
    )
    checkout.type("dagster asset materialize --select contacts")
    assert rows(checkout.folder / "file.duckdb", "contacts") == len(sandbox.workspace.contacts)
    with Sandbox(contacts=4, companies=1, conversations=1, token="by-a-field") as third:
        (checkout.folder / "own.py").write_text(
            "from intercom_assets import IntercomResource, build_intercom_definitions\n"
            f"intercom = IntercomResource(access_token={third.token!r}, base_url={third.url!r})\n"
            "defs = build_intercom_definitions(intercom, 'field.duckdb')\n"
        )
        checkout.setup = "source .venv/bin/activate"
        checkout.type("dagster asset materialize -f own.py --select contacts")
    assert rows(checkout.folder / "field.duckdb", "contacts") == 4
