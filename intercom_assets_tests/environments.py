"""Environments of their own, for what cannot be installed beside the tests' own packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIP = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")


def make_environment(folder: Path, *requirements: str, timeout: float = 900) -> Path:
    """Makes an environment and installs into it; gives its folder of programs.

    Skips the test where there is no package index. Where there is one, what cannot be installed
    fails the test.
    """
    if not _index_answers():
        pytest.skip("no package index can be reached")
    uv = shutil.which("uv")  # not needed, only quicker
    venv.create(folder, with_pip=uv is None, symlinks=True)
    python = str(folder / "bin" / "python")
    installer = [uv, "pip", "install", "--quiet", "--python", python] if uv else [python, *PIP]
    done = subprocess.run(
        [*installer, *requirements], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "bin"


@cache
def _index_answers() -> bool:
    asked = [sys.executable, *PIP, "--dry-run", "--ignore-installed", "--no-deps", "six"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0
