"""Servers of a test's own: Debian's Postgres, and an S3."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import pytest


@dataclass
class Postgres:
    """A Postgres server.

    Attributes:
        port: Where it listens on this machine.
        user: Who may do everything in it.
    """

    home: Path
    port: int
    user: str = "dagster"
    _owner: str | None = field(default=None, repr=False)

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.home} -c fsync=off -c max_connections=300"
        self.call("pg_ctl", *self._data, "-l", str(self.home / "log"), "-o", options, "-w", "start")

    def stop(self) -> None:
        """Ends it as a crash does: no transaction is waited for."""
        self.call("pg_ctl", *self._data, "-m", "immediate", "-w", "stop")

    def create(self, database: str) -> str:
        """Makes a database; gives its address for libpq."""
        self.call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", self.user, database)
        return f"dbname={database} host=127.0.0.1 port={self.port} user={self.user}"

    def call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(_program(program)), *arguments],
            user=self._owner,
            cwd=self.home,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=120,
        )

    @property
    def _data(self) -> tuple[str, str]:
        return "-D", str(self.home / "data")


class Proxy:
    """Stands before a Postgres server, and can lose the answer to a commit.

    Attributes:
        port: Where it listens on this machine.
    """

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._is_to_lose = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Takes no further connections."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    @contextmanager
    def losing_the_answer_to_a_commit(self) -> Iterator[None]:
        """Loses the answer to the next commit that makes a snapshot, and its connection."""
        self._is_to_lose.set()
        yield
        assert not self._is_to_lose.is_set(), "there was no commit"

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        is_lost = threading.Event()
        with near, socket.create_connection(("127.0.0.1", self._behind)) as far:
            answering = threading.Thread(target=self._answer, args=(far, near, is_lost))
            answering.start()
            self._ask(near, far, is_lost)
            answering.join()

    def _ask(self, near: socket.socket, far: socket.socket, is_lost: threading.Event) -> None:
        makes_snapshot = False
        with _both_closed(near, far):
            while asked := near.recv(2**16):
                makes_snapshot = makes_snapshot or b"ducklake_snapshot_changes" in asked
                if b"COMMIT" in asked:
                    if makes_snapshot and self._is_to_lose.is_set():
                        self._is_to_lose.clear()
                        is_lost.set()
                    makes_snapshot = False
                far.sendall(asked)

    def _answer(self, far: socket.socket, near: socket.socket, is_lost: threading.Event) -> None:
        with _both_closed(far, near):
            while (answer := far.recv(2**16)) and not is_lost.is_set():
                near.sendall(answer)


@contextmanager
def _both_closed(*ends: socket.socket) -> Iterator[None]:
    try:
        with suppress(OSError):
            yield
    finally:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server for the time of a block; skips the test where Debian's package is not installed."""
    if not all(map(_program, ("initdb", "pg_ctl", "createdb"))):
        pytest.skip("no Postgres: apt-get install postgresql")
    # Postgres refuses to run as root, and others cannot get into pytest's directories.
    owner = _unprivileged() if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="intercom_assets_pg_"))
    if owner:
        shutil.chown(home, owner)
    server = Postgres(home, free_port(), _owner=owner)
    try:
        server.call("initdb", *server._data, "-U", server.user, "--auth=trust", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home)


@contextmanager
def s3() -> Iterator[str]:
    """An S3 server with a bucket ``lake``; gives its host and port. Skips where moto is missing."""
    if find_spec("moto") is None:
        pytest.skip("no S3 server: pip install 'moto[server]'")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet) as process:
        try:
            deadline = time.monotonic() + 60
            while not _answers(port):
                assert time.monotonic() < deadline and process.poll() is None, "no S3 server"
                time.sleep(0.1)
            import boto3

            boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name="us-east-1",
                aws_access_key_id="key",
                aws_secret_access_key="secret",
            ).create_bucket(Bucket="lake")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=2):
            return True
    except OSError:
        return False


def _program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


def _unprivileged() -> str:
    names = [entry.pw_name for entry in pwd.getpwall()]
    return "postgres" if "postgres" in names else "nobody"
