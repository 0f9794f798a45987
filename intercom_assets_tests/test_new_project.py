"""A project that `create-dagster` made, with the component in it, as docs/component.md tells."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.environments import ROOT, make_environment, uv
from intercom_assets_tests.pages import commands
from intercom_assets_tests.typed import Checkout

pytestmark = pytest.mark.slow


def test_the_component_works_in_a_new_project(sandbox: Sandbox, tmp_path: Path) -> None:
    packages = ("create-dagster", "dagster-dg-cli", "dagster-webserver", "-e", str(ROOT))
    programs = make_environment(tmp_path / "env", *packages)
    project = Checkout(tmp_path, {"PATH": f"{programs}:{os.environ['PATH']}"}, setup="")
    project.type("create-dagster project shop --no-uv-sync")
    project.folder = tmp_path / "shop"
    project.type(f"{_installer(programs)} -e .")
    project.write_env(
        INTERCOM_ACCESS_TOKEN=sandbox.token,
        INTERCOM_BASE_URL=sandbox.url,
        INTERCOM_DUCKDB_PATH="warehouse.duckdb",
    )
    typed = [text for page, text in commands() if page == "docs/component.md"]
    assert any(text.startswith("dg scaffold defs") for text in typed)
    for command in typed:
        said = project.type(command)
        assert "list components" not in command or "intercom_assets.IntercomComponent" in said
    project.type("dg check yaml")
    project.type("dg check defs")
    project.type("dg launch --assets contacts")
    with duckdb.connect(str(project.folder / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.sql("select count(*) from intercom.contacts").fetchall()
    assert found == [(len(sandbox.workspace.contacts),)]
    with project.serve("dg dev") as server:
        assert {"contacts", "conversations", "conversation_parts"} <= server.assets()


def _installer(programs: Path) -> str:
    pip = programs / "pip"
    return (
        f"{pip} install -q" if pip.exists() else f"{uv()} pip install -q --python {programs}/python"
    )
