"""The package beside packages that others need, each time in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.conftest import SMALL
from intercom_assets_tests.environments import ROOT, make_environment
from intercom_assets_tests.typed import strangers_environment

pytestmark = pytest.mark.slow

HAS_SINGER = "import importlib.util as u; print(u.find_spec('singer') is not None)"
# What tells two equal syncs apart: when they were made.
MOMENTS = ("time_extracted", "version")
ASSETS = (
    "import intercom_assets as i; print(len(i.defs.resolve_asset_graph().get_all_asset_keys()))"
)


def said(python: Path | str, *arguments: str, cwd: Path, timeout: float = 300) -> str:
    """What a Python prints to stdout; it must end well."""
    done = subprocess.run(
        [str(python), *arguments],
        cwd=cwd,
        env={**strangers_environment(), "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def messages(python: Path | str, sandbox: Sandbox, folder: Path) -> list[dict[str, Any]]:
    """What the tap writes, without the moments at which it did."""
    config = folder / "config.json"
    # One call at a time, or the order is a matter of luck.
    settings = {"access_token": sandbox.token, "base_url": sandbox.url, "max_concurrency": 1}
    config.write_text(json.dumps(settings))
    tap = ("-m", "intercom_assets.tap", "--config", str(config))
    lines = said(python, *tap, cwd=folder).splitlines()
    found = [json.loads(line) for line in lines]
    return [{key: m[key] for key in m if key not in MOMENTS} for m in found]


def test_the_tap_writes_the_same_with_singer_python_and_without(tmp_path: Path) -> None:
    tests = ("pytest", "hypothesis", "jsonschema", "dagster-webserver", "playwright", "psutil")
    programs = make_environment(tmp_path / "env", "-e", f"{ROOT}[singer,sandbox]", *tests)
    with_singer = programs / "python"
    assert said(with_singer, "-c", HAS_SINGER, cwd=tmp_path) == "True\n"
    assert said(sys.executable, "-c", HAS_SINGER, cwd=tmp_path) == "False\n"
    with Sandbox(**SMALL) as sandbox:
        written = messages(sys.executable, sandbox, tmp_path)
        assert len(written) > 100
        without_state = [m for m in written if m["type"] != "STATE"]
        again = messages(with_singer, sandbox, tmp_path)
        assert [m for m in again if m["type"] != "STATE"] == without_state
    names = [
        f"{ROOT}/intercom_assets_tests/{name}.py" for name in ("test_tap", "test_tap_transformer")
    ]
    told = said(with_singer, "-m", "pytest", "-q", "-rs", *names, cwd=tmp_path, timeout=900)
    assert "skipped" not in told and " passed" in told


def test_it_installs_beside_dbt_and_loads_all_assets(tmp_path: Path) -> None:
    others = ("dagster-dbt", "dbt-core<1.12", "dbt-duckdb", "dagster-dg-cli")
    programs = make_environment(tmp_path / "env", "-e", str(ROOT), *others)
    assert said(programs / "python", "-c", "import dbt.version, dagster_dbt", cwd=tmp_path) == ""
    assert int(said(programs / "python", "-c", ASSETS, cwd=tmp_path)) >= 12
    assert os.access(programs / "dg", os.X_OK)
