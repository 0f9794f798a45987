"""Several at one DuckDB file: runs, and others who hold it. And files that cannot be used."""

from __future__ import annotations

import gc
import itertools
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.sandbox import Sandbox
from intercom_assets.threads.garbage import fewer_collections
from intercom_assets.warehouse import Warehouse
from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets_tests.conftest import CORE, SMALL, Project, client_of
from intercom_assets_tests.processes import Forker, forker, job_of
from intercom_assets_tests.test_interruptions import problems
from intercom_assets_tests.traces import traces

PAIR = ("conversations", "conversation_parts")
NOBODY = 65_534


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    with forker(tmp_path_factory.mktemp("runs")) as runs:
        yield runs


@contextmanager
def notebook(database: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the file open for reading, until its stdin ends."""
    code = (
        "import duckdb, sys\n"
        f"connection = duckdb.connect({str(database)!r}, read_only=True)\n"
        "print('open', flush=True)\nsys.stdin.read()\nconnection.close()\n"
        "print('closed', flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.stdin.close()


def wait_for_log(home: Path, text: str) -> None:
    """Returns when a run under way has said something in Dagster's log."""
    deadline = time.monotonic() + 60
    with dg.DagsterInstance.from_config(str(home)) as instance:
        while not any(
            text in entry.user_message
            for run in instance.get_runs()
            for entry in instance.all_logs(run.run_id)
        ):
            assert time.monotonic() < deadline, f"no run says {text!r}"
            time.sleep(0.05)


@pytest.mark.long
def test_two_runs_of_one_asset_at_once_both_succeed_and_one_says_for_whom_it_waits(
    runs: Forker, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.latency = 0.05
    both = [runs.start(job_of(sandbox, tmp_path, *PAIR)) for _ in range(2)]
    ended = [run.wait() for run in both]
    assert [end.success for end in ended] == [True, True], ended
    assert problems(sandbox, tmp_path, PAIR) == {}
    assert sum("waiting for run" in end.log for end in ended) >= 1


@pytest.mark.slow
def test_all_twelve_assets_at_once_in_separate_processes(
    runs: Forker, sandbox: Sandbox, tmp_path: Path
) -> None:
    # Its parents are there already: what a process reads depends on them.
    assert runs.run(job_of(sandbox, tmp_path, "conversations")).success
    sandbox.latency = 0.02
    at_once = [runs.start(job_of(sandbox, tmp_path, name)) for name in CORE]
    ended = [run.wait() for run in at_once]
    assert [end.errors for end in ended if not end.success] == []
    assert problems(sandbox, tmp_path, tuple(CORE)) == {}


def test_nobody_opens_the_file_while_another_thread_closes_it(tmp_path: Path) -> None:
    """The process would lose the file to another one, while its checkpoint is being written."""
    told: list[str] = []
    opened, may_close = threading.Event(), threading.Event()

    @contextmanager
    def connect() -> Iterator[duckdb.DuckDBPyConnection]:
        told.append("opened")
        with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
            yield connection
            opened.set()
            may_close.wait(10)
        told.append("closed")

    def use() -> None:
        with Warehouse(connect, "intercom").connection():
            pass

    threads = [threading.Thread(target=use) for _ in range(2)]
    threads[0].start()
    assert opened.wait(10)
    threads[1].start()
    threads[1].join(0.1)
    may_close.set()
    for thread in threads:
        thread.join()
    assert told == ["opened", "closed"] * 2


def test_a_file_that_another_process_opens_or_closes_is_left_to_it(tmp_path: Path) -> None:
    """DuckDB reads a file's header before it locks the file: its own lock is not enough."""
    database = str(tmp_path / "w.duckdb")
    code = (
        "import sys\nfrom intercom_assets.warehouse.holding import alone\n"
        f"with alone({database!r}):\n    print('in', flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "in\n"
        manager = IntercomDuckDBIOManager(
            duckdb=DuckDBResource(database=database), lock_timeout=0.0
        )
        with pytest.raises(DatabaseUnavailable, match=f"process {process.pid} holds it"):
            manager.warehouse().connection().__enter__()
        assert not Path(database).exists()
        process.stdin.close()
        process.wait()
    for _ in range(2):
        with manager.warehouse().connection(), manager.warehouse().connection():
            assert Path(database).exists()


@pytest.mark.slow
def test_no_commit_is_lost_among_threads_of_several_processes(tmp_path: Path) -> None:
    database = str(tmp_path / "w.duckdb")
    with duckdb.connect(database) as connection:
        connection.execute("create table commits (process integer)")
    with get_context("spawn").Pool(4) as pool:
        committed = sum(pool.starmap(_commit, [(database, number) for number in range(4)]))
    with duckdb.connect(database) as connection:
        assert connection.execute("select count(*) from commits").fetchone() == (committed,)


def _commit(database: str, number: int, seconds: float = 10) -> int:
    """Commits rows from two threads for a while; returns how many."""
    end = time.monotonic() + seconds

    def work(warehouse: Warehouse) -> int:
        for count in itertools.count():
            if time.monotonic() > end:
                return count
            with warehouse.transaction() as connection:
                connection.execute("insert into commits values (?)", [number])
            time.sleep(random.uniform(0, 0.01))
        raise AssertionError

    warehouse = IntercomDuckDBIOManager(duckdb=DuckDBResource(database=database)).warehouse()
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(work, [warehouse] * 2))


@pytest.mark.slow
def test_the_file_is_free_while_intercom_is_being_asked(
    runs: Forker, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Every answer waits until somebody else has opened the file for writing."""
    database, opened = tmp_path / "warehouse.duckdb", []

    def open_it(request: Any) -> None:
        deadline = time.monotonic() + 5
        while True:
            try:
                duckdb.connect(str(database)).close()
                opened.append(request.path)
                return
            except duckdb.IOException:
                assert time.monotonic() < deadline, f"held while {request.path} is asked"
                time.sleep(0.005)

    sandbox.on_request = open_it
    streams = (*PAIR, "contacts", "companies", "tags")
    assert runs.run(job_of(sandbox, tmp_path, *streams)).success
    searched = {"/conversations/search", "/contacts/search", "/companies/scroll", "/tags"}
    assert searched < set(opened)
    assert {f"/conversations/{id}" for id in sandbox.workspace.conversations} < set(opened)


@pytest.mark.slow
def test_a_reader_that_holds_the_file_is_waited_for(
    runs: Forker, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert runs.run(job_of(sandbox, tmp_path, "tags")).success
    with notebook(tmp_path / "warehouse.duckdb") as reader:
        running = runs.start(job_of(sandbox, tmp_path, *PAIR))
        wait_for_log(tmp_path / "home", f"PID {reader.pid}")
    ended = running.wait()
    assert ended.success, ended.errors
    assert problems(sandbox, tmp_path, PAIR) == {}


@pytest.mark.slow
def test_a_reader_that_keeps_the_file_is_an_error_after_a_bounded_wait(
    runs: Forker, sandbox: Sandbox, tmp_path: Path
) -> None:
    """It comes in the middle; what was committed before stays, and the next run goes on."""
    database = tmp_path / "warehouse.duckdb"
    assert runs.run(job_of(sandbox, tmp_path, "conversations")).success
    readers: list[Any] = []

    def come_in(request: Any) -> None:
        if request.path.startswith("/conversations/") and request.method == "GET":
            asked.append(request)
            if len(asked) == 12 and not readers:
                readers.append(notebook(database))
                while True:
                    try:
                        readers.append(readers[0].__enter__())
                        return
                    except AssertionError:  # a commit was under way
                        readers[0] = notebook(database)

    asked: list[Any] = []
    sandbox.on_request = come_in
    wanted = {"io_manager": {"lock_timeout": 1.0}, "settings": {"max_concurrency": 2}}
    ended = runs.run(job_of(sandbox, tmp_path, *PAIR, **wanted))
    assert not ended.success
    assert "DatabaseUnavailable" in ended.errors or "cannot be written" in ended.errors
    assert f"PID {readers[1].pid}" in ended.errors
    assert "close it there" in ended.errors
    readers[0].__exit__(None, None, None)
    stored = _count(database, "select count(*) from intercom._ledger")
    assert stored > 0
    sandbox.on_request = None
    sandbox.reset_log()
    assert runs.run(job_of(sandbox, tmp_path, *PAIR)).success
    assert problems(sandbox, tmp_path, PAIR) == {}
    read = sum(r.path.startswith("/conversations/") and r.method == "GET" for r in sandbox.requests)
    assert read == len(sandbox.workspace.conversations) - stored


def _count(database: Path, sql: str) -> int:
    with duckdb.connect(str(database)) as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.slow
def test_a_full_disk_is_a_clear_error_and_leaves_the_table_as_it_was(
    runs: Forker, tmp_path: Path
) -> None:
    with Sandbox(contacts=1_500, companies=3, conversations=3) as sandbox:
        newest = max(c["updated_at"] for c in sandbox.workspace.contacts.values())
        small = {"settings": {"page_size": 50, "start_date": str(newest - 86_400)}}
        database = tmp_path / "warehouse.duckdb"
        assert runs.run(job_of(sandbox, tmp_path, "contacts", "tags", **small)).success
        before = _rows(database)
        room = 700_000  # enough for the event store, not for what is to be written
        wide = {"commit_rows": 10**6, "settings": {"page_size": 150}}
        full = job_of(sandbox, tmp_path, "contacts", file_size=room, **wide)
        ended = runs.run(full)
        assert not ended.success
        assert "make room on the disk" in ended.errors, ended.errors
        assert _rows(database) == before
        assert runs.run(job_of(sandbox, tmp_path, "contacts", **wide)).success
        assert problems(sandbox, tmp_path, ("contacts",)) == {}


def _rows(database: Path, stream: str = "contacts") -> list[Any]:
    # For reading only: nothing may be tidied up on the way.
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(f"select * from intercom.{stream} order by id").fetchall()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes, where one may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("nothing can be mounted here")
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk may not be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.long
@pytest.mark.parametrize("stream", ["contacts", pytest.param("companies", marks=pytest.mark.slow)])
def test_a_disk_without_room_is_a_clear_error_and_leaves_the_table_as_it_was(
    runs: Forker, small_disk: Path, tmp_path: Path, stream: str
) -> None:
    """Contacts are merged into their table, companies replace theirs."""
    database, filler = small_disk / "warehouse.duckdb", small_disk / "filler"
    with Sandbox(contacts=300, companies=300, conversations=3) as sandbox:
        wanted: dict[str, Any] = {"database": str(database), "commit_rows": 10**6}
        job = job_of(sandbox, tmp_path, stream, settings={"page_size": 150}, **wanted)
        assert runs.run(job).success
        before = _rows(database, stream)
        sandbox.workspace.clock.advance(3_600)
        for id in getattr(sandbox.workspace, stream):
            sandbox.workspace.update(stream, id, name=f"changed {id}" * 20)
        # There is room for the claim, not for what is to be written.
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 64 * 1_024))
        ended = runs.run(job)
        assert not ended.success
        assert "No space left" in ended.errors and "make room on the disk" in ended.errors
        assert _rows(database, stream) == before
        filler.unlink()
        assert runs.run(job).success
        assert problems(sandbox, small_disk, (stream,)) == {}
        # It is gone before the runs are searched for it.
        assert traces(sandbox.token, [small_disk]) == []


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="becomes another user")
def test_a_file_that_may_not_be_written_is_a_clear_error_at_once(tmp_path: Path) -> None:
    database = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(database)).close()
    before = database.read_bytes()
    database.chmod(0o444)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    warehouse = Warehouse(partial(duckdb.connect, str(database)), "intercom")
    os.seteuid(NOBODY)
    try:
        with (
            pytest.raises(DatabaseUnavailable, match="give this process the right to write"),
            warehouse.transaction(),
        ):
            pass
    finally:
        os.seteuid(0)
    assert database.read_bytes() == before


@pytest.mark.long
def test_a_database_that_is_opened_for_reading_only_is_a_clear_error(
    runs: Forker, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert runs.run(job_of(sandbox, tmp_path, "tags")).success
    before = (tmp_path / "warehouse.duckdb").read_bytes()
    wanted = job_of(sandbox, tmp_path, "tags", connection={"access_mode": "READ_ONLY"})
    ended = runs.run(wanted)
    assert not ended.success
    assert "this process must be able to write it" in ended.errors
    assert (tmp_path / "warehouse.duckdb").read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "advice"),
    [
        (lambda path: path.parent / "no" / "such" / "folder.duckdb", "make that folder"),
        (lambda path: _garbage(path), "names something else, or the file is damaged"),
    ],
)
def test_a_path_that_cannot_be_a_database_is_told_at_once(
    make_project: Callable[..., Project],
    tmp_path: Path,
    damage: Callable[[Path], Path],
    advice: str,
) -> None:
    with Sandbox(**SMALL) as sandbox:
        project = make_project(sandbox, database=str(damage(tmp_path / "warehouse.duckdb")))
        began = time.monotonic()
        result = project.run("tags", raise_on_error=False)
        # The wait for a lock would be five minutes, and Dagster's own tries 100 seconds.
        assert time.monotonic() - began < 60
        failure = result.failure_data_for_node("tags")
        assert failure is not None
        assert advice in str(failure.user_failure_data)
        assert client_of(sandbox).settings.access_token not in str(failure)


def _garbage(path: Path) -> Path:
    path.write_bytes(b"not a database at all " * 1000)
    return path


@pytest.mark.parametrize("connection_config", [{}, {"memory_limit": "1GB"}, {"Max_Memory": "1GB"}])
def test_a_memory_limit_of_the_users_own_is_kept(
    tmp_path: Path, connection_config: dict[str, str]
) -> None:
    duckdb_resource = DuckDBResource(
        database=str(tmp_path / "w.duckdb"), connection_config=connection_config
    )
    warehouse = IntercomDuckDBIOManager(duckdb=duckdb_resource).warehouse()
    with warehouse.connection() as connection:
        row = connection.execute("select current_setting('memory_limit')").fetchone()
    assert row == ("953.6 MiB" if connection_config else "45.7 MiB",)


@pytest.mark.long
def test_a_memory_limit_that_is_too_small_is_lifted(
    runs: Forker, sandbox: Sandbox, tmp_path: Path
) -> None:
    wanted = job_of(sandbox, tmp_path, *PAIR, io_manager={"memory_limit": "600KB"})
    ended = runs.run(wanted)
    assert ended.success, ended.errors
    assert problems(sandbox, tmp_path, PAIR) == {}


def test_a_limit_that_one_stream_lifts_is_lifted_for_all_that_share_the_database(
    tmp_path: Path,
) -> None:
    """Within a process they share DuckDB's memory: another's limit must not come back.

    Several workspaces in one file have an IO manager each.
    """

    def limit_of(warehouse: Warehouse) -> str:
        with warehouse.connection() as connection:
            row = connection.execute("select current_setting('memory_limit')").fetchone()
        return str(row and row[0])

    resource = DuckDBResource(database=str(tmp_path / "w.duckdb"))
    one, other, third = (
        IntercomDuckDBIOManager(duckdb=resource, schema_name=name).warehouse() for name in "abc"
    )
    limited = limit_of(one)
    with other.connection():
        assert limit_of(one) == limited
        assert one.lift_memory_limit()
        assert limit_of(one) == limit_of(third) == "366.2 MiB" != limited
        # It was too little for this one as well, though the other was faster to find out.
        assert other.lift_memory_limit()
        assert limit_of(other) == "366.2 MiB"
    assert other.lift_memory_limit()
    with duckdb.connect() as connection:
        [(usual,)] = connection.execute("select current_setting('memory_limit')").fetchall()
    assert limit_of(other) == limit_of(one) == usual
    assert not other.lift_memory_limit()


def test_the_garbage_collector_is_as_before_whoever_ends_first() -> None:
    before = gc.get_threshold()
    one, other = fewer_collections(), fewer_collections()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert gc.get_threshold() != before
    other.__exit__(None, None, None)
    assert gc.get_threshold() == before
