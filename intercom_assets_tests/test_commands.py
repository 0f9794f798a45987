"""Dagster's commands as they are typed after the set-up, with each release of Dagster we allow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.environments import ROOT, make_environment
from intercom_assets_tests.typed import check_out

pytestmark = pytest.mark.slow

OLDEST = tuple(f"{name}==1.12.*" for name in ("dagster", "dagster-webserver", "dagster-dg-cli"))
COMMANDS = (
    "dagster schedule start intercom_everything_schedule",
    "dagster sensor start intercom_changes",
    "dagster asset materialize --select contacts",
    "dagster asset list",
    "dagster schedule list",
    "dagster sensor list",
    "dagster definitions validate",
    "dagster job list",
    "dagster job execute -j intercom_support",
    "dg launch --assets contacts",
    "dg check yaml",
    "dg check defs",
    "dg list defs",
)


@pytest.fixture(scope="module", params=["this Dagster", "Dagster 1.12"])
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the package."""
    if request.param == "this Dagster":
        return Path(sys.prefix)
    folder = tmp_path_factory.mktemp("oldest") / "env"
    return make_environment(folder, *OLDEST, "-e", str(ROOT)).parent


@pytest.mark.parametrize("by", [".env", "the shell"])
def test_every_command_works_as_typed(
    environment: Path, sandbox: Sandbox, tmp_path: Path, by: str
) -> None:
    checkout = check_out(tmp_path / "checkout")
    (checkout.folder / ".venv").unlink()
    (checkout.folder / ".venv").symlink_to(environment, target_is_directory=True)
    settings = {
        "INTERCOM_ACCESS_TOKEN": sandbox.token,
        "INTERCOM_BASE_URL": sandbox.url,
        "INTERCOM_DUCKDB_PATH": "warehouse.duckdb",
    }
    if by == ".env":
        checkout.write_env(**settings)
    else:
        checkout.environ = settings
    for server in ("dagster dev", "dg dev"):
        with checkout.serve(server) as served:
            assert "contacts" in served.assets()
    for command in COMMANDS:
        assert sandbox.token not in checkout.type(command)
    sandbox.reset_log()
    checkout.type("dagster asset materialize --select contacts")
    assert sandbox.count("/contacts/search") == 1, "one history for all commands"
    with checkout.instance() as instance:
        assert len(instance.all_instigator_state()) == 2
        assert instance.get_runs_count() >= 4
