"""The versions that pyproject.toml allows, lowest and newest, and the Pythons, each installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from intercom_assets_tests.environments import ROOT, make_environment, python_of
from intercom_assets_tests.typed import strangers_environment

pytestmark = pytest.mark.slow

EXTRAS = "webserver,charts,deploy,sandbox"
# What the tests below need themselves.
TESTS = ("pytest>=8", "jsonschema>=4", "psutil>=6", "hypothesis>=6.100")
# The way of the data, what stands on Dagster's internals, and what stands on its components.
PROVEN = ("test_end_to_end", "test_executor", "test_component", "test_definitions")
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
    names = [f"intercom_assets_tests/{name}.py" for name in PROVEN]
    options = ("-q", "-m", "not slow", "-W", "ignore", "-p", "no:cacheprovider")
    ended = _run(python, "-m", "pytest", *options, "--deselect", DG, *names, cwd=ROOT)
    assert " passed" in ended and "failed" not in ended
    versions: dict[str, str] = json.loads(told)
    return versions


# `dg` is a program of its own, see the example's test.
DG = "intercom_assets_tests/test_component.py::test_dg_lists_it"


def test_the_lowest_versions_that_are_allowed_do(tmp_path: Path) -> None:
    wanted = ("-e", f"{ROOT}[{EXTRAS}]", *TESTS)
    programs = make_environment(tmp_path / "env", *wanted, python=python_of("3.10"), lowest=True)
    versions = proven_by(programs, tmp_path)
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
