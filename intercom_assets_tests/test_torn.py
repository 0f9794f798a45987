"""A file whose checkpoint was cut off within a block opens again, and says what it said before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from intercom_assets.warehouse import Warehouse
from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets.warehouse.kinds.ducklake import close_all
from intercom_assets.warehouse.place import Place
from intercom_assets.warehouse.store import Store
from intercom_assets_tests.landings import install
from intercom_assets_tests.warehouses import extension_directory

HEADERS = 3 * 4096
BLOCK = 262_144
PAGE = 4_096
TABLES = 12


def warehouse(database: Path) -> Warehouse:
    return Store(Place(str(database))).warehouse("intercom", 5, print)


def log(database: Path) -> Path:
    return database.with_name(f"{database.name}.wal")


def copied(database: Path, name: str) -> Path:
    """A copy of a database, as one finds it whose process has died just now."""
    copy = database.with_name(name)
    for old, new in ((database, copy), (log(database), log(copy))):
        new.unlink(missing_ok=True)
        if old.exists():
            shutil.copyfile(old, new)
    return copy


def begin(database: Path) -> None:
    columns = ", ".join(f"c{n} varchar" for n in range(20))
    values = ", ".join(f"'v' || i || '{n}'" for n in range(20))
    with warehouse(database).transaction() as connection:
        connection.execute("create schema intercom")
        for table in range(TABLES):
            name = f"intercom.t{table}"
            connection.execute(f"create table {name} (id varchar primary key, {columns})")
            connection.execute(
                f"insert into {name} select i::varchar, {values} from range(300) r(i)"
            )


def change(database: Path, mark: str) -> Path:
    """A commit, and a copy of what there is between it and its checkpoint."""
    with warehouse(database).connection() as connection:
        connection.execute(f"update intercom.t3 set c1 = '{mark}' where id < '2'")
        return copied(database, "committed.duckdb")


def told(database: Path) -> list[tuple[object, ...]]:
    def ask(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
        return [
            row
            for table in range(TABLES)
            for row in connection.execute(
                f"select count(*), min(c1), sum(hash(c19)) from intercom.t{table}"
            ).fetchall()
        ]

    return warehouse(database).ask(ask)


def blocks(data: bytes) -> dict[int, bytes]:
    """A file's blocks, by where they begin."""
    return {at: data[at : at + BLOCK] for at in range(HEADERS, len(data), BLOCK)}


def written_in_place(before: Path, after: Path) -> dict[int, bytes]:
    """The blocks that a checkpoint wrote over old ones that the file before it needs."""
    old, new = blocks(before.read_bytes()), blocks(after.read_bytes())
    with duckdb.connect(str(copied(before, "looked.duckdb")), read_only=True) as connection:
        ids = connection.execute("select block_id from pragma_metadata_info()").fetchall()
    return {
        at: new[at]
        for at in (HEADERS + ident * BLOCK for (ident,) in ids)
        if at in old and old[at] != new[at]
    }


@pytest.mark.long
def test_a_checkpoint_that_is_cut_off_within_a_block_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = tmp_path / "w.duckdb"
    begin(database)
    for mark in ("a", "b", "c"):
        change(database, mark)
    before = change(database, "last")
    right = told(database)
    assert "last" in right[3]
    torn_blocks = written_in_place(before, database)
    # Else DuckDB does not do it any more, and what mends it can go.
    assert torn_blocks

    for at, new in torn_blocks.items():
        refused = 0
        for pages in (1, 7, 32, BLOCK // PAGE - 1):
            for first, length in ((0, pages * PAGE), (pages * PAGE, BLOCK - pages * PAGE)):
                torn = copied(before, "torn.duckdb")
                with torn.open("r+b") as stream:
                    stream.seek(at + first)
                    stream.write(new[first : first + length])
                try:
                    duckdb.connect(str(copied(torn, "raw.duckdb"))).close()
                except duckdb.Error as problem:
                    assert "computed checksum" in str(problem)
                    refused += 1
                assert told(torn) == right
                assert told(torn) == right
        assert refused, "no cut was one that DuckDB minds"
    assert "checkpoint was cut off" in caplog.text


def test_a_block_that_is_read_late_is_mended_when_it_is_met(tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    begin(database)
    right = told(database)
    with duckdb.connect(str(database), read_only=True) as connection:
        ids = connection.execute("select block_id from pragma_metadata_info()").fetchall()
    for (ident,) in ids:
        torn = copied(database, "torn.duckdb")
        spoil(torn, HEADERS + ident * BLOCK)
        assert told(torn) == right
        with warehouse(torn).transaction() as connection:
            connection.execute("delete from intercom.t1")
        assert told(torn)[1][0] == 0


def spoil(database: Path, at: int) -> None:
    with database.open("r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte[0] ^ 0xFF]))


def test_damaged_data_is_never_declared_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = tmp_path / "w.duckdb"
    begin(database)
    with duckdb.connect(str(database), read_only=True) as connection:
        directory = {
            HEADERS + ident * BLOCK
            for (ident,) in connection.execute(
                "select block_id from pragma_metadata_info()"
            ).fetchall()
        }
    data = [at for at in blocks(database.read_bytes()) if at not in directory]
    for at in data:
        with database.open("r+b") as stream:
            stream.seek(at + BLOCK // 2)
            stream.write(os.urandom(BLOCK // 4))
    before = database.read_bytes()
    with pytest.raises(DatabaseUnavailable, match=r"computed checksum.*restore a copy"):
        told(database)
    assert database.read_bytes() == before
    assert caplog.text == ""


def test_a_damaged_directory_is_left_as_it_is(tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    begin(database)
    with duckdb.connect(str(database), read_only=True) as connection:
        ids = connection.execute("select block_id from pragma_metadata_info()").fetchall()
    with database.open("r+b") as stream:
        for (ident,) in ids:
            stream.seek(HEADERS + ident * BLOCK + 8)
            stream.write(os.urandom(BLOCK - 8))
    before = database.read_bytes()
    with pytest.raises(DatabaseUnavailable):
        told(database)
    assert database.read_bytes() == before


@pytest.mark.slow
@pytest.mark.skipif(extension_directory() is None, reason="`make test-lake` has extensions")
def test_a_lake_whose_catalogue_is_a_torn_file_opens_again(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.ducklake"
    place = Place(
        f"ducklake:{catalogue}",
        extension_directory=extension_directory(),
        data_path=str(tmp_path / "data"),
    )
    lake = Store(place).warehouse("intercom", 5, print)
    with lake.transaction() as connection:
        connection.execute("create schema intercom")
        for table in range(TABLES):
            connection.execute(f"create table intercom.t{table} as from range(9) r(i)")
    close_all()
    spoil(catalogue, HEADERS)
    count = "select count(*) from intercom.t3"
    assert lake.ask(lambda connection: connection.execute(count).fetchall()) == [(9,)]
    close_all()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.4.4", "1.5.5", "2.0.1"])
def test_with_each_duckdb(version: str, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(install(version, tmp_path))}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", __file__]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout
