"""Starts sandboxes and runs Dagster's command line, and measures both from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import psutil
import requests

TOKEN = "sandbox-token"
SAMPLE_SECONDS = 0.05
NO_LIMIT = 10_000_000


@dataclass(frozen=True)
class Intercom:
    """A sandbox in a process of its own."""

    url: str
    process: psutil.Process

    def busy(self) -> float:
        """Seconds of processor time that it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def summary(self) -> dict[str, Any]:
        """What the sandbox was asked."""
        answer: dict[str, Any] = requests.get(f"{self.url}/_sandbox/requests", timeout=30).json()
        return answer

    def reset(self) -> None:
        """Forgets what it was asked."""
        requests.post(f"{self.url}/_sandbox/reset", timeout=30)

    def change(self, n: int) -> None:
        """Has about so many contacts and conversations change."""
        requests.post(f"{self.url}/_sandbox/change", json={"n": n}, timeout=300)

    def set(self, **options: Any) -> None:
        """Sets options of the server."""
        requests.post(f"{self.url}/_sandbox/settings", json=options, timeout=30)


@contextmanager
def intercom(**wanted: Any) -> Iterator[Intercom]:
    """A sandbox; without a limit unless one is given."""
    command = [sys.executable, "-m", "benchmarks.intercom"]
    command.append(json.dumps({"limit": NO_LIMIT, **wanted}))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Intercom(process.stdout.readline().strip(), psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class Measured:
    """What one command took.

    Attributes:
        seconds: From its start to its end.
        peak_mb: The most memory that it and its children held at once, in MB of resident pages.
        log: What it wrote.
    """

    seconds: float
    peak_mb: float
    log: str


class Project:
    """A database and a Dagster home, in a folder that goes when the benchmark ends.

    Args:
        folder: An empty folder.
        url: The Intercom to read from.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.home, self.database = folder / "home", folder / "warehouse.duckdb"
        self.home.mkdir()
        (self.home / "dagster.yaml").touch()
        self.environment = {
            **{name: value for name, value in os.environ.items() if "INTERCOM_" not in name},
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "INTERCOM_ACCESS_TOKEN": TOKEN,
            "INTERCOM_BASE_URL": url,
            "INTERCOM_DUCKDB_PATH": str(self.database),
            "INTERCOM_MODELS": "off",  # they have a benchmark of their own
        }

    def materialize(self, *streams: str, module: str = "intercom_assets") -> Measured:
        """Runs ``dagster asset materialize`` as a user types it."""
        return self.start(*streams, module=module).wait()

    def sweep(self, stream: str) -> Measured:
        """Looks what of a stream is gone, as a user types it."""
        config = {"ops": {stream: {"config": {"sweep": True}}}}
        return self.start(stream, more=("--config-json", json.dumps(config))).wait()

    def start(
        self, *streams: str, module: str = "intercom_assets", more: Sequence[str] = ()
    ) -> Command:
        """Starts ``dagster asset materialize``."""
        select = ",".join(streams) or "*"
        command = ["dagster", "asset", "materialize", "-m", module, "--select", select, *more]
        return Command([sys.executable, "-m", *command], self.environment)

    def facts(self, stream: str) -> dict[str, Any]:
        """The metadata of a stream's newest materialization."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            event = instance.get_latest_materialization_event(dg.AssetKey(stream))
        assert event is not None and event.asset_materialization is not None
        return {key: value.value for key, value in event.asset_materialization.metadata.items()}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        with duckdb.connect(str(self.database)) as connection:
            return connection.execute(sql).fetchall()


class Command:
    """A command that runs, and the memory of its process tree."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in wait
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        self._peak = 0
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def wait(self) -> Measured:
        """Waits for the end.

        Raises:
            SystemExit: When the command failed.
        """
        self._process.wait()
        seconds = time.perf_counter() - self._began
        self._sampler.join()
        self._log.seek(0)
        with self._log as file:
            log = file.read()
        if self._process.returncode:
            raise SystemExit(f"{log[-3000:]}\nthe command failed, so nothing was measured")
        return Measured(seconds, self._peak / 2**20, log)

    def _sample(self) -> None:
        while self._process.poll() is None:
            self._peak = max(self._peak, _resident(self._process.pid))
            time.sleep(SAMPLE_SECONDS)


@contextmanager
def project(url: str) -> Iterator[Project]:
    """A project in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="intercom-bench-") as folder:
        yield Project(Path(folder), url)


def _resident(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for member in tree:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
