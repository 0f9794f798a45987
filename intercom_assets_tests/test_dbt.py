"""The dbt package in a user's dbt project builds what Dagster builds without dbt, row by row."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from intercom_assets.models.package import PACKAGE, models, models_over, sources
from intercom_assets.models.relations import relations
from intercom_assets.streams import STREAMS
from intercom_assets.warehouse import Warehouse
from intercom_assets_tests.desk import BEN, MONDAY, build, desk, land, warehouse
from intercom_assets_tests.test_models import fill, rows

DBT = ("dbt-core<1.12", "dbt-duckdb")
HERE = ("conversations", "conversation_parts", "teams", "admins", "contacts", "workspace")


def test_sources_carry_the_keys_of_our_assets() -> None:
    declared = yaml.safe_load((PACKAGE / "models" / "sources.yml").read_text())
    for table in declared["sources"][0]["tables"]:
        assert table["meta"]["dagster"]["asset_key"] == [table["name"]]


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt in an environment of its own, where nothing of ours is."""
    home = tmp_path_factory.mktemp("dbt") / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    installed = subprocess.run(
        [home / "bin" / "pip", "install", "-q", *DBT], capture_output=True, text=True, check=False
    )
    if installed.returncode:
        pytest.skip(f"dbt could not be installed: {installed.stderr[-300:]}")
    return home / "bin" / "dbt"


def run(dbt: Path, project: Path, *command: str) -> None:
    done = subprocess.run(
        [dbt, *command],
        cwd=project,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def a_project(folder: Path, database: Path) -> Path:
    """A user's dbt project that has nothing but the package."""
    tables = {*HERE, *(name for name in sources() if name not in STREAMS)}
    files = {
        "dbt_project.yml": {
            "name": "user",
            "version": "1.0",
            "profile": "user",
            "vars": {"intercom_without": [name for name in sources() if name not in tables]},
        },
        "packages.yml": {"packages": [{"local": str(PACKAGE)}]},
        "profiles.yml": {
            "user": {
                "target": "dev",
                "outputs": {
                    "dev": {
                        "type": "duckdb",
                        "path": str(database),
                        "schema": "dbt",
                        "settings": {"TimeZone": "UTC"},
                    }
                },
            }
        },
    }
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content))
    return folder


def differing(store: Warehouse) -> dict[str, int]:
    """How many rows of each model only one of both ways has built."""
    relations = {name for name in sources() if name not in STREAMS}
    names = models_over({*HERE, *relations})
    found = {}
    for name in names:
        ours, theirs = f"from intercom_models.{name}", f"from dbt_intercom_models.{name}"
        (found[name],) = rows(
            store,
            f"select count(*) from (({ours} except all {theirs}) union all "
            f"({theirs} except all {ours}))",
        )[0]
    assert len(found) > 12
    return {name: count for name, count in found.items() if count}


@pytest.mark.slow
def test_dbt_builds_the_same_rows(dbt: Path, tmp_path: Path) -> None:
    store = warehouse(tmp_path / "desk.duckdb")
    made = desk()
    fill(store, made)
    project = a_project(tmp_path / "project", tmp_path / "desk.duckdb")
    run(dbt, project, "deps")
    run(dbt, project, "build")
    assert differing(store) == {}
    # Then something changes, and both bring up to date what they have.
    later = {**made.conversations[0], "updated_at": MONDAY + 90_000, "state": "open"}
    land(store, "conversations", [later])
    land(
        store,
        "conversation_parts",
        [
            {
                **made.parts[0],
                "id": "999",
                "part_type": "open",
                "author": {"type": "admin", "id": BEN},
                "created_at": MONDAY + 90_000,
                "updated_at": MONDAY + 90_000,
                "conversation_updated_at": MONDAY + 90_000,
            }
        ],
    )
    build(store)
    run(dbt, project, "build")
    assert differing(store) == {}
    assert rows(store, "select count(*) from dbt_intercom_models.conversation_events") == [
        (len(made.conversations) + len(made.parts) + 1,)
    ]


def test_all_models_are_documented_and_every_document_has_a_model() -> None:
    files = {path.stem for path in (PACKAGE / "models").glob("*.sql")}
    assert files == set(models())
    for model in models().values():
        assert model.tests, model.name
        assert all(column.description for column in model.columns), model.name


def test_the_docs_tell_of_every_model_relation_and_column() -> None:
    told = (PACKAGE.parents[2] / "docs" / "models.md").read_text("utf-8")
    for name in relations():
        assert f"| `{name}` |" in told
    for model in models().values():
        section = told.split(f"### {model.name}\n")[1].split("\n### ")[0]
        for column in model.columns:
            assert f"| `{column.name}` | {column.kind} | {column.description} |" in section
