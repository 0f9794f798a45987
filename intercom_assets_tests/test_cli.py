"""What a person types, in processes of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from intercom_assets.definitions import defs as shipped
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets_tests.typed import check_out, strangers_environment

Dagster = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def dagster(sandbox: Sandbox, tmp_path: Path) -> Dagster:
    """Runs a command of Dagster's in a checkout of the project, without DAGSTER_HOME."""
    checkout = check_out(tmp_path / "checkout")

    def run(
        *words: str,
        expect: int = 0,
        cwd: Path = checkout.folder,
        program: Sequence[str] = (str(Path(sys.executable).parent / "dagster"),),
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*program, *words],
            cwd=cwd,
            env={
                **strangers_environment(),
                "INTERCOM_ACCESS_TOKEN": sandbox.token,
                "INTERCOM_BASE_URL": sandbox.url,
                "INTERCOM_DUCKDB_PATH": str(tmp_path / "cli.duckdb"),
                "DAGSTER_DISABLE_TELEMETRY": "1",
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        assert sandbox.token not in done.stdout + done.stderr
        return done

    return run


def rows(tmp_path: Path, table: str) -> int:
    with duckdb.connect(str(tmp_path / "cli.duckdb")) as connection:
        found = connection.execute(f"select count(*) from intercom.{table}").fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.long
def test_materialize_exactly_as_typed_and_the_second_time_incrementally(
    dagster: Dagster, sandbox: Sandbox, tmp_path: Path
) -> None:
    shell: dict[str, Any] = {"program": ("bash", "-c", 'source env.sh; "$@"', "bash", "dagster")}
    words = ("asset", "materialize", "--select", "contacts")
    dagster(*words, **shell)
    assert rows(tmp_path, "contacts") == len(sandbox.workspace.contacts)
    sandbox.reset_log()
    dagster(*words, **shell)
    assert sandbox.count("/contacts/") == 1


@pytest.mark.slow
def test_second_runs_are_incremental_without_dagster_home(
    dagster: Dagster, sandbox: Sandbox, tmp_path: Path
) -> None:
    words = ("asset", "materialize", "-m", "intercom_assets", "--select", "contacts")
    for _ in range(2):
        sandbox.reset_log()
        dagster(*words, cwd=tmp_path)
    assert sandbox.count("/contacts/") == 1


@pytest.mark.slow
def test_the_definitions_are_found_by_every_road(dagster: Dagster, tmp_path: Path) -> None:
    dagster("definitions", "validate")
    dagster("definitions", "validate", "-w", "workspace.yaml")
    listed = dagster("asset", "list", "-m", "intercom_assets.definitions")
    keys = shipped.resolve_asset_graph().materializable_asset_keys
    assert set(listed.stdout.split()) == {key.to_user_string() for key in keys}


@pytest.mark.long
def test_without_a_token_the_run_says_which_variable_to_set(
    dagster: Dagster, sandbox: Sandbox, tmp_path: Path
) -> None:
    done = dagster(
        "asset", "materialize", "-m", "intercom_assets", "--select", "tags",
        expect=1, cwd=tmp_path, INTERCOM_ACCESS_TOKEN="",
    )  # fmt: skip
    assert "INTERCOM_ACCESS_TOKEN" in done.stdout + done.stderr


@pytest.mark.slow
def test_streams_side_by_side_count_their_own_calls_and_need_no_pandas(
    dagster: Dagster, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Each import of pandas would cost a quarter of a second and 33 MB."""
    (tmp_path / "dagster.yaml").touch()
    code = (
        "import sys\nfrom dagster._cli import main\n"
        "try:\n    main()\nfinally:\n    print('pandas:', 'pandas' in sys.modules)"
    )
    done = dagster(
        "asset", "materialize", "-m", "intercom_assets", "--select", "*",
        program=(sys.executable, "-c", code), cwd=tmp_path, DAGSTER_HOME=str(tmp_path),
    )  # fmt: skip
    assert "in up to 4 threads" in done.stdout + done.stderr
    assert "pandas: False" in done.stdout
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        keys = {key.path[-1] for key in instance.all_asset_keys()}
        calls = {stream: _calls(instance, stream) for stream in STREAMS if stream in keys}
    assert calls["conversation_parts"] == len(sandbox.workspace.conversations)
    assert calls["admins"] == 1 + len(sandbox.workspace.admins)
    # Whoever came first also asked /me.
    assert {calls["tags"], calls["segments"], calls["teams"]} <= {1, 2}
    assert sum(calls.values()) == len(sandbox.requests)


def _calls(instance: dg.DagsterInstance, stream: str) -> int:
    event = instance.get_latest_materialization_event(dg.AssetKey(stream))
    assert event is not None and event.asset_materialization is not None
    calls = event.asset_materialization.metadata["intercom/calls"].value
    assert isinstance(calls, int)
    return calls


@pytest.mark.slow
def test_the_multiprocess_executor_works_too(
    dagster: Dagster, sandbox: Sandbox, tmp_path: Path
) -> None:
    code = tmp_path / "my_project.py"
    code.write_text(
        "import dagster as dg\n"
        "import intercom_assets as shipped\n"
        "defs = dg.Definitions(assets=shipped.defs.assets, resources=shipped.defs.resources,\n"
        "    executor=dg.multiprocess_executor.configured({'max_concurrent': 4}))\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    dagster(
        "asset", "materialize", "-f", str(code), "--select", "*",
        cwd=tmp_path, DAGSTER_HOME=str(home),
    )  # fmt: skip
    assert rows(tmp_path, "contacts") == len(sandbox.workspace.contacts)
    assert rows(tmp_path, "conversation_parts") > 0
