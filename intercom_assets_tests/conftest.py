"""A sandbox, a database and a Dagster instance for each test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from intercom_assets.assets import IO_MANAGER_KEY, RESOURCE_KEY, build_intercom_assets
from intercom_assets.client import IntercomClient, pacing
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.resources import IntercomResource, _client
from intercom_assets.sandbox import Sandbox
from intercom_assets.warehouse.kinds.ducklake import close_all
from intercom_assets_tests.servers import Postgres, postgres
from intercom_assets_tests.truth import differences
from intercom_assets_tests.warehouses import (
    FILE,
    Database,
    book,
    forget_lakes,
    kinds,
    new_lake,
    opened,
    resource_of,
)

# The streams whose reading has rules of its own; most tests are about them.
CORE = (
    "companies",
    "contacts",
    "company_attributes",
    "contact_attributes",
    "tags",
    "segments",
    "company_segments",
    "conversations",
    "conversation_parts",
    "admin_list",
    "admins",
    "teams",
)
SMALL: dict[str, Any] = {"contacts": 40, "companies": 30, "conversations": 25}


@pytest.fixture(scope="session", autouse=True)
def _out_of_the_users_reach(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Has all tests, and what they start, run where nothing of the user's is.

    Dagster's commands read ``.env`` of their working directory, and it wins over the environment;
    paths of databases and of ``dagster.yaml`` begin there, too.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        for name in [name for name in os.environ if name.startswith(("INTERCOM_", "DAGSTER_"))]:
            patch.delenv(name)
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
        yield


@pytest.fixture(autouse=True)
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has streams read side by side, as from Intercom, although the sandbox is near."""
    monkeypatch.setattr(pacing, "WORK_SECONDS", 1e-9)


@pytest.fixture
def near(far: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has streams make one call after the other, as from something that answers at once."""
    monkeypatch.setattr(pacing, "WORK_SECONDS", 1e9)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A small Intercom."""
    with Sandbox(**SMALL) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[IntercomClient]:
    """A client of the sandbox."""
    client = client_of(sandbox)
    yield client
    client.close()


def client_of(sandbox: Sandbox, **config: Any) -> IntercomClient:
    """A client of a sandbox that does not wait long before it tries again."""
    return IntercomClient(
        config={
            "access_token": sandbox.token,
            "base_url": sandbox.url,
            "retry_wait": 0.01,
            **config,
        }
    )


@dataclass
class Project:
    """A user's Dagster project: an instance, a database, and the assets of one workspace."""

    sandbox: Sandbox
    database: Database
    instance: dg.DagsterInstance
    settings: dict[str, Any] = field(default_factory=dict)
    io_manager: dict[str, Any] = field(default_factory=dict)
    checks: bool = False
    relations: bool = False

    def resources(self) -> dict[str, Any]:
        return {
            RESOURCE_KEY: IntercomResource(
                base_url=self.sandbox.url,
                **{"access_token": self.sandbox.token, "retry_wait": 0.01, **self.settings},
            ),
            IO_MANAGER_KEY: IntercomDuckDBIOManager(
                duckdb=resource_of(self.database),
                # A chart takes a tenth of a second.
                **{"charts": False, **self.io_manager},
            ),
        }

    def run(
        self, *streams: str, raise_on_error: bool = True, **config: Any
    ) -> dg.ExecuteInProcessResult:
        """Materializes streams, the core by default, each with the same run config."""
        assets = build_intercom_assets(
            streams or CORE, max_retries=0, checks=self.checks, relations=self.relations
        )
        _client.cache_clear()  # as in a process of its own
        return dg.materialize(
            assets,
            instance=self.instance,
            resources=self.resources(),
            run_config=dg.RunConfig(ops={asset.op.name: {"config": config} for asset in assets}),
            raise_on_error=raise_on_error,
        )

    def metadata(self, stream: str) -> dict[str, Any]:
        """The metadata of a stream's newest materialization."""
        found = self.instance.fetch_materializations(dg.AssetKey(stream), limit=1).records
        event = found[0].asset_materialization
        assert event is not None
        return {key: value.value for key, value in event.metadata.items()}

    def bookmark(self, stream: str) -> str:
        return str(self.metadata(stream)["intercom/bookmark"])

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with opened(self.database) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql, list(values)).fetchall()

    def book(self, name: str, stream: str) -> str:
        """The table of the package's own in which something of a stream stands."""
        return book(self.database, name, stream)

    def differences(self, *streams: str) -> dict[str, list[str]]:
        """Where tables and sandbox disagree, by default those of the core."""
        found = {
            name: differences(self.database, self.sandbox.workspace, name)
            for name in streams or CORE
        }
        return {name: problems[:5] for name, problems in found.items() if problems}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Has tests that are marked so run on each kind of warehouse that there can be here."""
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    if "warehouse_kind" in metafunc.fixturenames:
        every = "every_kind" in marks and "file_only" not in marks
        metafunc.parametrize("warehouse_kind", kinds() if every else [FILE])


@pytest.fixture(scope="session")
def catalogues() -> Iterator[Postgres]:
    """A Postgres for the catalogues of lakes."""
    with postgres() as server:
        yield server


@pytest.fixture
def at(
    warehouse_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Database]]:
    """Gives the database of a name, the same each time."""
    lakes: dict[str, str] = {}

    def database(name: str) -> Database:
        if warehouse_kind == FILE:
            return tmp_path / name
        if name not in lakes:
            server = request.getfixturevalue("catalogues")
            unique = f"{Path(name).stem}_{uuid.uuid4().hex[:12]}"
            lakes[name] = new_lake(server, unique, tmp_path / f"{name}_data")
        return lakes[name]

    yield database
    if lakes:
        forget_lakes()
        close_all()


@pytest.fixture
def make_project(at: Callable[[str], Database], tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Makes projects; those of one test share a database unless they name one.

    Their instances keep events in memory: in files these would take a quarter of a test's time.
    Tests of several processes have instances in files.
    """
    instances: list[dg.DagsterInstance] = []

    def make(sandbox: Sandbox, database: str = "warehouse.duckdb", **settings: Any) -> Project:
        instance = dg.DagsterInstance.ephemeral(str(tmp_path / f"dagster_home_{len(instances)}"))
        instances.append(instance)
        return Project(sandbox, at(database), instance, settings)

    yield make
    for instance in instances:
        instance.dispose()


@pytest.fixture
def project(sandbox: Sandbox, make_project: Callable[..., Project]) -> Project:
    """A project on the small sandbox."""
    return make_project(sandbox)
