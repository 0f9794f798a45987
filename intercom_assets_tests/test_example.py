"""The example: a project of its own, in an environment of its own, with what its README types."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.conftest import SMALL
from intercom_assets_tests.environments import ROOT, make_environment
from intercom_assets_tests.truth import differences
from intercom_assets_tests.typed import NOT_IN_A_CLONE, strangers_environment

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "examples" / "two_workspaces"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as it would be unpacked."""
    folder = tmp_path_factory.mktemp("example") / EXAMPLE.name
    shutil.copytree(EXAMPLE, folder, ignore=NOT_IN_A_CLONE)
    return folder


@pytest.fixture(scope="module")
def dg_program(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``dg`` in an environment that has the example, this package and nothing for tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_NO_SOURCES", "1")  # the package lies elsewhere than beside this copy
        folder = tmp_path_factory.mktemp("environment") / "env"
        installed = ("-e", str(ROOT), "-e", str(project), "dagster-dg-cli", "dagster-webserver")
        return make_environment(folder, *installed) / "dg"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(**SMALL) as sandbox:
        yield sandbox


def dg(program: Path, project: Path, *arguments: str, expect: int = 0, **settings: str) -> str:
    """What ``dg`` says, typed in the project."""
    done = subprocess.run(
        [str(program), *arguments],
        cwd=project,
        env={**strangers_environment(), "VIRTUAL_ENV": str(program.parents[1]), **settings},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == expect, said[-4000:]
    return said


def test_what_its_readme_types_works(dg_program: Path, project: Path, sandbox: Sandbox) -> None:
    assert "validated successfully" in dg(dg_program, project, "check", "yaml")
    # Nothing is set yet: that is the run's affair.
    assert "loaded successfully" in dg(dg_program, project, "check", "defs")
    listed = dg(dg_program, project, "list", "defs", "--json")
    for key in ("contacts", "eu/conversations", "open_conversations", "intercom_eu_everything"):
        assert f'"{key}"' in listed
    assert "INTERCOM_ACCESS_TOKEN" in dg(
        dg_program, project, "launch", "--assets", "tags", expect=1
    )
    tokens = dict.fromkeys(("INTERCOM_ACCESS_TOKEN", "INTERCOM_EU_ACCESS_TOKEN"), sandbox.token)
    reached = {**tokens, "INTERCOM_BASE_URL": sandbox.url}
    dg(dg_program, project, "launch", "--assets", "contacts", **reached)
    database = project / "warehouse.duckdb"
    assert differences(database, sandbox.workspace, "contacts") == []
    both = "conversations,eu/conversations,open_conversations"
    said = dg(dg_program, project, "launch", "--assets", both, **reached)
    assert "Reading conversations with" in said, "the subclass's own line"
    assert differences(database, sandbox.workspace, "conversations") == []


@pytest.mark.parametrize(
    ("checked", "right", "misspelt"),
    [
        ("yaml", "[conversations, conversation_parts]", "[conversations, conversation_prats]"),
        # Of the components of one type `dg check yaml` looks at the last one only.
        ("defs", "teams, tags]", "teams, tgas]"),
    ],
)
def test_a_misspelt_stream_is_told(
    dg_program: Path, project: Path, checked: str, right: str, misspelt: str
) -> None:
    file = project / "src" / "two_workspaces" / "defs" / "intercom" / "defs.yaml"
    as_it_is = file.read_text()
    assert right in as_it_is
    # In place: `dg` finds a project's folder by the module that is installed.
    file.write_text(as_it_is.replace(right, misspelt))
    try:
        said = dg(dg_program, project, "check", checked, expect=1)
    finally:
        file.write_text(as_it_is)
    assert "conversation_prats" in said or "no such stream: 'tgas'" in said
