"""The house: which wing may import which, as pyproject.toml states it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_imports_run_one_way() -> None:
    # In a process of its own: it would switch off the loggers of whatever is tested after it.
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


def test_no_room_is_too_large() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines())
        for file in (ROOT / "intercom_assets").rglob("*.py")
    }

    assert {name: lines for name, lines in lengths.items() if lines > 250} == {}
