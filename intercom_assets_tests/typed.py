"""What a person types: a fresh checkout, a shell in it, and the servers that it starts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

ROOT = Path(__file__).resolve().parents[1]
# What tools and people leave in a checkout, and what a fresh one does not have.
NOT_IN_A_CLONE = shutil.ignore_patterns(
    ".*_cache", "__pycache__", ".git", ".venv", ".env", ".dagster", ".demo", ".tmp_dagster_home_*",
    ".hypothesis", "*.duckdb*",
)  # fmt: skip
OURS = ("INTERCOM_", "DAGSTER_", "VIRTUAL_ENV", "PYTEST_", "PYTHONPATH")


def strangers_environment() -> dict[str, str]:
    """This process's environment without what concerns Intercom, Dagster or this test run."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


@dataclass
class Checkout:
    """A fresh copy of the project, set up by linking to the environment that runs the tests.

    Attributes:
        folder: Where it lies.
        environ: What is set in its shell.
        setup: What is typed first in every shell.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    setup: str = "source env.sh"

    def write_env(self, **settings: str) -> None:
        """Writes ``.env``."""
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        (self.folder / ".env").write_text("".join(lines))

    def type(self, command: str, *, expect: int = 0, timeout: float = 300) -> str:
        """Types a command into a new shell; gives what it says, which must not take for ever."""
        done = subprocess.run(
            ["bash", "-c", self._script(command)],
            cwd=self.folder,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == expect, f"{command}\n{done.stdout}"
        return done.stdout

    @contextmanager
    def serve(self, command: str = "dagster dev", timeout: float = 240) -> Iterator[Server]:
        """Types a command that starts Dagster's UI, and waits until it has loaded the code."""
        server = Server(self.folder / "server.log", free_port())
        with self.shell(command, server.log, DAGSTER_WEBSERVER_PORT=str(server.port)) as process:
            server.process = process
            try:
                server.wait_until_loaded(timeout)
                yield server
            finally:
                server.stop()

    @contextmanager
    def shell(
        self, command: str, log: Path | None = None, **environ: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Types a command that takes its time; what is left of it at the end is killed."""
        with (log or self.folder / "shell.log").open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", self._script(f"exec {command}")],
                cwd=self.folder,
                env={**self._environ(), **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            # What its processes started is in its session, if not in its group.
            for pid in processes_of_session(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """The instance that its commands use."""
        before = Path.cwd()
        os.chdir(self.folder)  # from which the paths in dagster.yaml begin
        try:
            with dg.DagsterInstance.from_config(str(self.folder)) as instance:
                yield instance
        finally:
            os.chdir(before)

    def _script(self, command: str) -> str:
        return f"{self.setup}\n{command}" if self.setup else command

    def _environ(self) -> dict[str, str]:
        return {**strangers_environment(), "DAGSTER_DISABLE_TELEMETRY": "1", **self.environ}


@dataclass
class Server:
    """Dagster's UI and daemon."""

    log: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The UI's address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, query: str, **variables: Any) -> Any:
        """Asks what the UI asks."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = json.load(answer)
        assert "errors" not in said, said
        return said["data"]

    def assets(self) -> set[str]:
        """Names of the assets that the UI shows."""
        nodes = self.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]
        return {"/".join(node["assetKey"]["path"]) for node in nodes}

    def launch(self, *assets: str, job: str = "__ASSET_JOB") -> str:
        """Starts a run as the mouse does; gives its id."""
        selection = [{"path": asset.split("/")} for asset in assets]
        [location] = self._locations()
        selector: dict[str, Any] = {
            "repositoryName": "__repository__",
            "repositoryLocationName": location["name"],
            "pipelineName": job,
            **({"assetSelection": selection} if assets else {}),
        }
        said = self.ask(
            """mutation ($wanted: ExecutionParams!) {
              launchRun(executionParams: $wanted) {
                ... on LaunchRunSuccess { run { runId } } ... on Error { message }
              }
            }""",
            wanted={"mode": "default", "runConfigData": {}, "selector": selector},
        )["launchRun"]
        assert "run" in said, said
        return str(said["run"]["runId"])

    def _locations(self) -> list[dict[str, str]]:
        entries = "... on WorkspaceLocationStatusEntries { entries { name } }"
        answer = self.ask(f"{{ locationStatusesOrError {{ {entries} }} }}")
        found: list[dict[str, str]] = answer["locationStatusesOrError"]["entries"]
        return found

    def status(self, run_id: str) -> str:
        """How a run is, such as QUEUED."""
        query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
        return str(self.ask(query, id=run_id)["runOrError"]["status"])

    def terminate(self, run_id: str) -> None:
        """Ends a run as the mouse does."""
        self.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)

    def wait_until_loaded(self, timeout: float) -> None:
        """Waits until the UI answers and shows assets."""
        deadline = time.monotonic() + timeout
        while True:
            assert self.process is not None and self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, f"no UI within {timeout} s:\n{self.said()}"
            try:
                if self.assets():
                    return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.5)

    def said(self) -> str:
        """What it wrote into the terminal."""
        return self.log.read_text(errors="replace")

    def stop(self, with_signal: int = signal.SIGINT) -> None:
        """Ends it as Ctrl-C does; SIGKILL ends all of its processes at once."""
        assert self.process is not None
        if self.process.poll() is None and with_signal != signal.SIGKILL:
            self.process.send_signal(with_signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=45)
        for pid in processes_of_session(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def processes_of_session(session: int) -> list[int]:
    """The processes of a session, which ``ps`` tells."""
    done = subprocess.run(
        ["ps", "-s", str(session), "-o", "pid="], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in done.stdout.split()]


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def check_out(folder: Path) -> Checkout:
    """Makes a fresh checkout that is set up."""
    shutil.copytree(ROOT, folder, ignore=NOT_IN_A_CLONE)
    (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    return Checkout(folder)
