"""The versions that pyproject.toml allows, lowest and newest, and the Pythons, each installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from intercom_assets_tests.environments import ROOT, make_environment, python_of
from intercom_assets_tests.typed import strangers_environment

pytestmark = pytest.mark.slow

# All but singer, whose jsonschema 2 goes with neither `dg` nor these tests: test_packages makes an
# environment of its own for it.
EXTRAS = "webserver,dg,charts,report,deploy,demo"
# What the tests below need themselves.
TESTS = ("pytest>=8", "jsonschema>=4", "hypothesis>=6.100")
# The way of the data, what stands on Dagster's internals, and what stands on its components.
PROVEN = ("test_end_to_end", "test_executor", "test_launcher", "test_component", "test_definitions")
# What stands on extras that only the lowest versions are tried with.
OF_EXTRAS = (
    "test_component.py::test_dg_lists_it",
    "test_report.py::test_the_asset_writes_the_page_and_shows_what_it_says",
)
VERSIONS = """
import json, sys
from importlib.metadata import version
names = ["dagster", "dagster-duckdb", "duckdb", "pandas", "pyarrow"]
print(json.dumps({name: version(name) for name in names}))
"""


def proven_by(programs: Path, folder: Path) -> dict[str, str]:
    """Runs the tests that prove most in an environment; gives the versions of what matters."""
    python = str(programs / "python")
    told = _run(python, "-c", VERSIONS, cwd=folder)
    prove(python, "-m", "not slow", *(f"{name}.py" for name in PROVEN))
    versions: dict[str, str] = json.loads(told)
    return versions


def prove(python: str, *tests: str) -> str:
    """Runs tests with a Python, and sees that none failed; gives what pytest says."""
    options = ("-q", "-W", "ignore", "-p", "no:cacheprovider")
    named = [f"intercom_assets_tests/{test}" if ".py" in test else test for test in tests]
    ended = _run(python, "-m", "pytest", *options, *named, cwd=ROOT)
    assert " passed" in ended and "failed" not in ended, ended
    return ended


def test_the_lowest_versions_that_are_allowed_do(tmp_path: Path) -> None:
    wanted = ("-e", f"{ROOT}[{EXTRAS}]", *TESTS)
    programs = make_environment(tmp_path / "env", *wanted, python=python_of("3.10"), lowest=True)
    versions = proven_by(programs, tmp_path)
    python = str(programs / "python")
    assert "skipped" not in prove(python, *OF_EXTRAS)
    assert "sandbox" in _run(python, "-m", "intercom_assets.demo", "--help", cwd=tmp_path)
    assert versions["dagster"] == "1.12.0"
    assert versions["dagster-duckdb"] == "0.28.0"
    assert versions["duckdb"] == "1.4.0"


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_the_newest_versions_that_are_allowed_do(tmp_path: Path, version: str) -> None:
    wanted = ("-e", f"{ROOT}[sandbox]", *TESTS)
    programs = make_environment(tmp_path / "env", *wanted, python=python_of(version))
    versions = proven_by(programs, tmp_path)
    assert versions["dagster"] > "1.13"


def _run(*command: str, cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=strangers_environment(),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout
