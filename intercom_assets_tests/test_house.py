"""The house: which wing may import which, as pyproject.toml states it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "intercom_assets"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the contracts say of the package in a folder."""
    # In a process of its own: it would switch off the loggers of whatever is tested after it.
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_run_one_way() -> None:
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout


# Each of them runs down the layers, and past a wing that may know nothing of the other.
REFUSED = [
    ("client.client", "sandbox.server"),
    ("singer.tap", "sandbox.server"),
    ("resources", "sandbox.server"),
    ("streams.base", "models.text"),
    ("warehouse.table", "report.figures"),
    ("warehouse.table", "streams.selection"),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the contracts say of a copy in which each of these imports was added."""
    folder = tmp_path_factory.mktemp("house")
    only_code = shutil.ignore_patterns("*.json", "*.sql", "__pycache__")
    shutil.copytree(ROOT / PACKAGE, folder / PACKAGE, ignore=only_code)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for importer, imported in REFUSED:
        module = folder / PACKAGE / f"{importer.replace('.', '/')}.py"
        module.write_text(f"{module.read_text()}\nimport {PACKAGE}.{imported}\n")
    done = lint(folder)
    assert done.returncode == 1, done.stdout
    return done.stdout


@pytest.mark.parametrize(("importer", "imported"), REFUSED)
def test_what_a_wing_may_not_know_is_refused(told: str, importer: str, imported: str) -> None:
    assert f"{PACKAGE}.{importer} -> {PACKAGE}.{imported} (l." in told, told


def test_what_events_tell_is_declared_in_one_place() -> None:
    literal = re.compile(r'"intercom/\w+":')
    files = (ROOT / PACKAGE).rglob("*.py")

    assert [file.name for file in files if literal.search(file.read_text())] == []


def test_no_room_is_too_large() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines())
        for file in (ROOT / PACKAGE).rglob("*.py")
    }

    assert {name: lines for name, lines in lengths.items() if lines > 250} == {}
