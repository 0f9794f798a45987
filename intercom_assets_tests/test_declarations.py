"""A new stream is a class, a schema and a declaration for the sandbox, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
THROWAWAY = Path(__file__).with_name("throwaway")
# What holds of every stream, and needs no more than its declaration.
OF_EVERY_STREAM = ("test_schemas.py", "test_erasure_declared.py")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package, in which streams are declared that nobody has."""
    for name in ("intercom_assets", "intercom_assets_tests"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "intercom_assets"
    shutil.copy(THROWAWAY / "stream.py", package / "streams" / "collections" / "throwaway.py")
    shutil.copy(THROWAWAY / "sandbox.py", package / "sandbox" / "collections" / "throwaway.py")
    for schema in THROWAWAY.glob("*.json"):
        shutil.copy(schema, package / "streams" / "schemas")
    return tmp_path


@pytest.mark.long
def test_a_stream_is_declared_and_nothing_else(copied: Path) -> None:
    tests = [str(Path("intercom_assets_tests") / name) for name in OF_EVERY_STREAM]
    check = str(Path("intercom_assets_tests", "throwaway", "check.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", check, *tests],
        cwd=copied,
        env={**os.environ, "PYTHONPATH": str(copied)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
