"""Environments of their own, for what cannot be installed beside the tests' own packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIP = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
# Where pyenv keeps the Pythons that are not on the path.
PYENV = Path.home() / ".pyenv" / "versions"


def make_environment(
    folder: Path,
    *requirements: str,
    python: str = sys.executable,
    lowest: bool = False,
    timeout: float = 900,
) -> Path:
    """Makes an environment and installs into it; gives its folder of programs.

    Skips the test where there is no package index. Where there is one, what cannot be installed
    fails the test.

    Args:
        folder: Where it is made.
        requirements: What is installed.
        python: The Python that it is for.
        lowest: Whether the lowest versions that the requirements themselves allow are wanted.
        timeout: Seconds for the installation.
    """
    skip_without_index()
    quick = uv()  # only quicker, unless the lowest versions are wanted
    if lowest and quick is None:
        pytest.skip("only uv can choose the lowest versions")
    made = [python, "-m", "venv", str(folder), *(["--without-pip"] if quick else [])]
    subprocess.run(made, capture_output=True, text=True, timeout=timeout, check=True)
    inside = str(folder / "bin" / "python")
    installer = (
        [quick, "pip", "install", "--quiet", "--python", inside] if quick else [inside, *PIP]
    )
    if lowest:
        installer.append("--resolution=lowest-direct")
    done = subprocess.run(
        [*installer, *requirements], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "bin"


def python_of(version: str) -> str:
    """A Python of a version such as 3.10; skips the test where this machine has none."""
    named = shutil.which(f"python{version}")
    for found in [*([named] if named else []), *map(str, PYENV.glob(f"{version}.*/bin/python"))]:
        # A shim of pyenv may stand for a version that is not switched on.
        asked = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
        if told.stdout.strip() == version:
            return found
    pytest.skip(f"no Python {version} here")


def uv() -> str | None:
    """The program uv, if there is one."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def skip_without_index() -> None:
    """Skips the test where there is no package index."""
    if not _index_answers():
        pytest.skip("no package index can be reached")


@cache
def _index_answers() -> bool:
    asked = [sys.executable, *PIP, "--dry-run", "--ignore-installed", "--no-deps", "six"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0
