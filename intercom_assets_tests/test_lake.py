"""A DuckLake over a real Postgres and an S3 server, while things go wrong: nothing is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from intercom_assets import WarehouseResource, build_intercom_definitions
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.kinds import DUCKLAKE
from intercom_assets.warehouse.kinds.ducklake import close_all
from intercom_assets.warehouse.lease import Turn
from intercom_assets.warehouse.maintenance import Maintenance
from intercom_assets.warehouse.memory import Memory
from intercom_assets.warehouse.place import Place
from intercom_assets.warehouse.store import Store
from intercom_assets_tests.conftest import CORE, Project
from intercom_assets_tests.lake_writer import (
    ROWS,
    claim,
    commit_next,
    count_whole_commits,
)
from intercom_assets_tests.processes import forker, job_of
from intercom_assets_tests.servers import Postgres, postgres, s3
from intercom_assets_tests.test_rules_guards import MERGED, MONDAY
from intercom_assets_tests.truth import differences
from intercom_assets_tests.warehouses import (
    extension_directory,
    new_lake,
    opened,
    warehouse_of,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(extension_directory() is None, reason="`make test-lake` has extensions"),
]
STREAMS = [f"stream_{n}" for n in range(12)]


@pytest.fixture
def lake(catalogues: Postgres, tmp_path: Path) -> Iterator[str]:
    """A lake with its data on disk."""
    yield new_lake(catalogues, f"lake_{random.randrange(10**9)}", tmp_path / "data")
    close_all()


@contextmanager
def read_meanwhile(look: Callable[[], None]) -> Iterator[list[int]]:
    """Has somebody look again and again; a look that fails fails the test. Gives the looks."""
    looks, is_over = [0], threading.Event()

    def work() -> None:
        while not is_over.is_set():
            look()
            looks[0] += 1

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        try:
            yield looks
        finally:
            is_over.set()
            done.result()


def writer(lake: str, stream: str, holder: str, commits: int) -> subprocess.Popen[str]:
    code = [sys.executable, "-m", "intercom_assets_tests.lake_writer"]
    return subprocess.Popen(
        [*code, lake, stream, holder, str(commits)], stdout=subprocess.PIPE, text=True
    )


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_commits_of_different_streams_do_not_wait_for_each_other(lake: str) -> None:
    first, second = (warehouse_of(lake) for _ in range(2))
    one, other = claim(first, "one"), claim(second, "other")
    with first._connect() as a, second._connect() as b:
        for connection, landing in ((a, one), (b, other)):
            connection.execute("begin")
            books = landing.books(connection)
            books.count_commit(landing.claim, 0)
            books.remember(landing.claim, SyncState(), None)
        a.commit()
        b.commit()  # in a conflict this would fail


def test_a_process_killed_in_a_commit_leaves_whole_commits_and_the_next_goes_on(lake: str) -> None:
    seen, dice = 0, random.Random(5)
    with read_meanwhile(lambda: count_whole_commits(lake, "things") and None):
        for _ in range(6):
            with writer(lake, "things", "machine", 1000) as process:
                assert told(process) == "claimed"
                first = int(told(process))
                assert first == seen + 1
                time.sleep(dice.uniform(0, 0.5))
                process.send_signal(signal.SIGKILL)
                rest = process.stdout.read().split() if process.stdout else []
            newest = int(rest[-1]) if rest else first
            seen = count_whole_commits(lake, "things")
            # The last commit may have happened without its process living to tell of it.
            assert seen in (newest, newest + 1)


def test_postgres_that_restarts_in_a_commit_loses_nothing(tmp_path: Path) -> None:
    with postgres() as server:
        lake = new_lake(server, "lake", tmp_path / "data")
        landing = claim(warehouse_of(lake), "things")
        commit_next(landing)
        numbers: list[int] = []
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(lambda: numbers.extend(commit_next(landing) for _ in range(60)))
            for pause in (0.3, 0.7, 0.45):
                time.sleep(pause)
                server.stop()
                time.sleep(0.5)
                server.start()
            done.result()
        assert numbers == list(range(2, 62))
        assert count_whole_commits(lake, "things") == 61
        close_all()


class _Flaky(BaseHTTPRequestHandler):
    """Passes requests on to an S3, but for some that it answers with 503, or 400 for an old key."""

    protocol_version = "HTTP/1.1"
    target = ""
    dice = random.Random(7)
    share = 0.0
    refused = 0
    expired: str | None = None

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.expired and f"Credential={self.expired}/" in self.headers.get("Authorization", ""):
            type(self).refused += 1
            # As Amazon's says it.
            said = b"<Code>ExpiredToken</Code><Message>The provided token has expired.</Message>"
            self._answer(400, {}, b"<Error>" + said + b"</Error>")
            return
        if self.dice.random() < self.share:
            type(self).refused += 1
            self._answer(503, {}, b"<Error><Code>SlowDown</Code></Error>")
            return
        there = HTTPConnection(self.target)
        there.request(self.command, self.path, body, dict(self.headers))
        answer = there.getresponse()
        kept = {n: v for n, v in answer.getheaders() if n.lower() not in ("transfer-encoding",)}
        self._answer(answer.status, kept, answer.read())
        there.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        length = headers.pop("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def flaky_s3() -> Iterator[str]:
    with s3() as _Flaky.target:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Flaky)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture
def on_s3(catalogues: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A lake with its data on a flaky S3."""
    monkeypatch.setenv("LAKE_KEY", "key")
    monkeypatch.setenv("LAKE_SECRET", "opensesame")
    address = catalogues.create(f"s3_{random.randrange(10**9)}")
    with flaky_s3() as endpoint:
        place = Place(
            f"ducklake:postgres:{address}",
            data_path="s3://lake/intercom",
            attach={"DATA_INLINING_ROW_LIMIT": 0},
            init_sql=(
                "create secret (type s3, key_id ${LAKE_KEY}, secret ${LAKE_SECRET}, url_style "
                f"'path', use_ssl false, region 'us-east-1', endpoint '{endpoint}')",
            ),
            extension_directory=extension_directory(),
        )
        yield Store(place).warehouse("intercom", 60, print)
        close_all()


def test_credentials_that_run_out_are_asked_for_anew(
    on_s3: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = claim(on_s3, "things")
    commit_next(landing)
    monkeypatch.setattr(_Flaky, "expired", "key")
    monkeypatch.setattr(_Flaky, "refused", 0)
    monkeypatch.setenv("LAKE_KEY", "another")
    assert [commit_next(landing) for _ in range(2)] == [2, 3]
    assert _Flaky.refused > 0
    assert _rows(on_s3) == 3 * ROWS + 1


def _rows(warehouse: Warehouse) -> int:
    """How many there are, none of them twice."""
    asked = "select count(*), count(distinct id) from intercom.things"
    [(rows, ids)] = warehouse.ask(lambda c: c.execute(asked).fetchall())
    assert rows == ids
    return int(rows)


def test_an_s3_that_answers_503_loses_nothing(on_s3: Warehouse) -> None:
    landing = claim(on_s3, "things")
    commit_next(landing)
    _Flaky.share = 0.3
    for _ in range(15):
        commit_next(landing)
    refused, _Flaky.share, _Flaky.refused = _Flaky.refused, 0.0, 0
    assert refused > 3
    assert _rows(on_s3) == 16 * ROWS + 1


def test_eight_processes_in_two_homes_write_twelve_streams_and_nothing_is_lost(lake: str) -> None:
    """Each stream is written from two machines, by turns: nobody's commit is lost."""
    commits = 3

    def look() -> None:
        for stream in STREAMS[:3]:
            count_whole_commits(lake, stream)

    def work(number: int) -> None:
        home = f"home {number % 2}"
        # Of each home four processes, and a fourth of the streams each.
        for stream in STREAMS[number // 2 :: 4]:
            with writer(lake, stream, home, commits) as process:
                assert process.stdout is not None
                process.stdout.read()
            assert process.returncode == 0

    with read_meanwhile(look) as looks, ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert {stream: count_whole_commits(lake, stream) for stream in STREAMS} == dict.fromkeys(
        STREAMS, 2 * commits
    )
    assert looks[0] > 3


def test_runs_of_two_machines_read_all_core_streams_into_one_lake(
    lake: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Eight runs of Dagster at once, four on each machine, and each stream on both."""
    groups = [CORE[n::4] for n in range(4)]
    wanted = {"database": lake, "connection": {"extension_directory": extension_directory()}}

    def look() -> None:
        with opened(lake) as connection:
            tables = {
                r[0]
                for r in connection.execute("select table_name from duckdb_tables()").fetchall()
            }
            if "_ledger_conversation_parts" in tables:
                # Parts and what tells that they are stored are one commit.
                stray = connection.execute(
                    "select count(*) from intercom.conversation_parts where conversation_id not in "
                    "(select parent_id from intercom._ledger_conversation_parts)"
                ).fetchall()
                assert stray == [(0,)]

    with ExitStack() as stack:
        machines = []
        for name in ("east", "west"):
            (tmp_path / name).mkdir()
            machines.append((stack.enter_context(forker(tmp_path / name)), tmp_path / name))
        east, home = machines[0]
        # Its parents are there already: what a process reads depends on them.
        begun = east.run(job_of(sandbox, home, "conversations", **wanted))
        assert begun.success, begun.errors
        with read_meanwhile(look):
            at_once = [
                runs.start(job_of(sandbox, home, *group, **wanted))
                for group in groups
                for runs, home in machines
            ]
            ended = [run.wait(300) for run in at_once]
    assert [end.errors for end in ended if not end.success] == []
    assert any("waiting: run" in end.log for end in ended)
    found = {name: differences(lake, sandbox.workspace, name) for name in CORE}
    assert {name: what for name, what in found.items() if what} == {}


def test_a_run_killed_at_boundaries_of_a_lake_is_gone_on_with(
    catalogues: Postgres, tmp_path: Path
) -> None:
    streams = ("conversations", "conversation_parts")
    (tmp_path / "runs").mkdir()
    with (
        Sandbox(contacts=14, companies=9, conversations=12) as sandbox,
        forker(tmp_path / "runs") as runs,
    ):

        def run(number: int, lake: str, **more: Any) -> Any:
            folder = tmp_path / f"home{number}"
            folder.mkdir(exist_ok=True)
            extensions = {"extension_directory": extension_directory()}
            return runs.run(
                job_of(sandbox, folder, *streams, database=lake, connection=extensions, **more)
            )

        def fresh(number: int) -> str:
            return new_lake(
                catalogues, f"b{number}_{random.randrange(10**9)}", tmp_path / f"d{number}"
            )

        whole = run(0, fresh(0))
        assert whole.success, whole.errors
        for boundary in range(1, whole.boundaries * 3 // 4, max(1, whole.boundaries // 6)):
            lake = fresh(boundary)
            assert run(boundary, lake, die_at=boundary).signal == signal.SIGKILL
            ended = run(boundary, lake)
            assert ended.success, ended.errors
            for name in streams:
                assert differences(lake, sandbox.workspace, name) == [], boundary


def test_a_lake_of_an_earlier_release_is_moved_over_and_refuses_that_release(lake: str) -> None:
    """Earlier releases had one table of each kind for all streams."""
    warehouse = warehouse_of(lake)
    for stream in ("one", "other"):
        commit_next(claim(warehouse, stream))
    with opened(lake) as connection:
        for name in ("_sync_state", "_ledger", "_seen", "_columns"):
            connection.execute(
                f"create table intercom.{name} as from intercom.{name}_one "
                f"union all by name from intercom.{name}_other"
            )
            for stream in ("one", "other"):
                connection.execute(f"drop table intercom.{name}_{stream}")
        connection.execute("update intercom._layout set version = 1, source = null")
    landing = claim(warehouse, "one")
    assert landing.stored.state is not None and landing.stored.state.bookmark == 1
    assert landing.claim.generation == 2
    commit_next(landing)
    assert count_whole_commits(lake, "one") == 2
    with opened(lake) as connection:
        assert connection.execute("select version from intercom._layout").fetchall() == [(2,)]
    assert DUCKLAKE.layout == 2


def test_a_password_of_the_catalogue_shows_nowhere(
    catalogues: Postgres, sandbox: Sandbox, make_project: Callable[..., Project], capsys: Any
) -> None:
    resource = WarehouseResource(
        database="ducklake:postgres:dbname=nowhere host=127.0.0.1 "
        f"port={catalogues.port} user=dagster password=opensesame",
        extension_directory=extension_directory(),
    )
    with pytest.raises(Exception, match="nowhere") as caught, resource.get_connection():
        pass
    assert "opensesame" not in "".join(str(e) for e in (caught.value, caught.value.__cause__))


def test_time_travel_shows_a_table_as_it_was(lake: str) -> None:
    warehouse = warehouse_of(lake)
    landing = Landing(warehouse, "things", MERGED, "workspace", "run", turn=Turn("here", 1, print))
    for name in ("before", "after"):
        moment = MONDAY if name == "before" else "2024-02-01T00:00:00Z"
        landing.commit([Batch([{"id": "1", "name": name, "updated_at": moment}], SyncState())])
    with opened(lake) as connection:
        [(newest,)] = connection.execute(
            "select max(snapshot_id) from ducklake_snapshots('lake')"
        ).fetchall()
        changes = connection.execute(
            "select snapshot_id, change_type, name from ducklake_table_changes('lake', 'intercom', "
            f"'things', 0, {newest}) order by all"
        ).fetchall()
        versions = [version for version, _, _ in changes]
        for version, name in ((versions[0], "before"), (versions[-1], "after")):
            found = connection.execute(
                f"select name from intercom.things at (version => {version})"
            ).fetchall()
            assert found == [(name,)]


def test_the_maintenance_job_leaves_fewer_files_and_the_same_rows(lake: str) -> None:
    warehouse = warehouse_of(lake)
    landing = claim(warehouse, "things")
    for _ in range(12):
        commit_next(landing)

    def files() -> list[Any]:
        with opened(lake) as connection:
            return connection.execute(
                "from ducklake_list_files('lake', 'things', schema => 'intercom')"
            ).fetchall()

    before = files()
    resource = WarehouseResource(database=lake, extension_directory=extension_directory())
    definitions = build_intercom_definitions(warehouse=resource, streams=["tags"])
    config = {"keep_days": 0, "files_stay_hours": 1}
    with read_meanwhile(lambda: count_whole_commits(lake, "things") and None):
        job = definitions.resolve_job_def("intercom_lake_maintenance")
        assert job.execute_in_process(
            run_config={"ops": {"intercom_lake_maintenance_op": {"config": config}}}
        ).success
        commit_next(landing)
    assert len(before) >= 12 and len(files()) <= 3
    # Files go once nobody reads or writes them any more; here that is now.
    assert dict(Maintenance(warehouse, 0, 0).run())["files removed"] >= 12
    assert count_whole_commits(lake, "things") == 13


def test_a_lake_s_query_that_takes_more_memory_than_the_limit_is_asked_without_it(
    lake: str,
) -> None:
    # It has nowhere to put what does not fit.
    place = Place(lake, {"temp_directory": ""}, extension_directory=extension_directory())
    warehouse = Store(place, "32MB").warehouse("intercom", 60, print)
    commit_next(claim(warehouse, "things"))

    largest = warehouse.ask(
        lambda c: c.execute(
            "select max(text) from (select repeat('x', 100) || range as text from range(2_000_000) "
            "order by hash(range) offset 1)"
        ).fetchall()
    )
    assert largest


def test_a_lake_that_holds_more_memory_than_the_limit_is_written_all_the_same(lake: str) -> None:
    # What it holds cannot be put on the disk, as that of a query under way cannot.
    place = Place(lake, {"temp_directory": ""}, extension_directory=extension_directory())
    warehouse = Store(place, "32MB").warehouse("intercom", 60, print)
    with warehouse.more_memory("1GB"), warehouse.connection() as connection:
        connection.execute(
            "create temp table large as select range as n, repeat('x', 100) as text "
            "from range(1_000_000)"
        )
        within = Store(place, "32MB").warehouse("intercom", 60, print)
        within._memory = Memory(is_private=True)  # as once the model is built
        commit_next(claim(within, "things"))
    assert count_whole_commits(lake, "things") == 1
