"""A DuckLake whose catalogue goes away between a commit and its answer."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from intercom_assets.warehouse import Warehouse
from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets.warehouse.kinds.ducklake import close_all
from intercom_assets.warehouse.place import Place
from intercom_assets.warehouse.store import Store
from intercom_assets_tests.lake_writer import ROWS, claim, commit_next
from intercom_assets_tests.servers import Postgres, Proxy, s3
from intercom_assets_tests.warehouses import extension_directory

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(extension_directory() is None, reason="`make test-lake` has extensions"),
]


@pytest.fixture
def proxy(catalogues: Postgres) -> Iterator[Proxy]:
    with Proxy(catalogues.port) as between:
        yield between
    close_all()


@pytest.fixture(params=["files", "in the catalogue", "s3"])
def warehouse(
    request: pytest.FixtureRequest,
    catalogues: Postgres,
    proxy: Proxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Warehouse]:
    """A lake whose rows are in files, in its catalogue or in object storage, behind the proxy."""
    address = catalogues.create(f"lost_{random.randrange(10**9)}")
    address = address.replace(f"port={catalogues.port}", f"port={proxy.port}")
    data_path, init_sql = str(tmp_path / "data"), []
    with ExitStack() as stack:
        if request.param == "s3":
            endpoint, data_path = stack.enter_context(s3()), "s3://lake/lost"
            init_sql = [
                "create secret (type s3, key_id 'key', secret 'opensesame', url_style 'path', "
                f"use_ssl false, region 'us-east-1', endpoint '{endpoint}')"
            ]
        place = Place(
            f"ducklake:postgres:{address}",
            data_path=data_path,
            attach={"DATA_INLINING_ROW_LIMIT": 1_000 if "catalogue" in request.param else 0},
            init_sql=tuple(init_sql),
            extension_directory=extension_directory(),
        )
        yield Store(place).warehouse("intercom", 60, print)
        close_all()


def rows_of(warehouse: Warehouse, table: str) -> int:
    query = f"select count(*) from intercom.{table}"
    [(count,)] = warehouse.ask(lambda c: c.execute(query).fetchall())
    return int(count)


def test_a_commit_in_a_lake_whose_answer_is_lost_counts_once(
    warehouse: Warehouse, proxy: Proxy
) -> None:
    landing = claim(warehouse, "things")
    for number in range(1, 5):
        with proxy.losing_the_answer_to_a_commit():
            assert commit_next(landing) == number
    commit_next(landing)

    assert rows_of(warehouse, "things") == 5 * ROWS + 1


def test_a_claim_in_a_lake_whose_answer_is_lost_is_made(warehouse: Warehouse, proxy: Proxy) -> None:
    with proxy.losing_the_answer_to_a_commit():
        landing = claim(warehouse, "things")
    commit_next(landing)

    assert rows_of(warehouse, "things") == ROWS + 1


def test_a_model_in_a_lake_is_there_although_the_answer_was_lost(
    warehouse: Warehouse, proxy: Proxy
) -> None:
    commit_next(claim(warehouse, "things"))
    for times in (1, 2, 3):
        query = f"create or replace table intercom.model as select range as n from range({times}00)"
        with proxy.losing_the_answer_to_a_commit():
            warehouse.write(lambda c, query=query: c.execute(query).fetchall())

        assert rows_of(warehouse, "model") == times * 100


def test_a_lake_spills_although_nobody_may_write_the_working_directory(
    catalogues: Postgres, tmp_path: Path
) -> None:
    place = Place(
        f"ducklake:postgres:{catalogues.create(f'spill_{random.randrange(10**9)}')}",
        data_path=str(tmp_path),
        extension_directory=extension_directory(),
    )
    folders = set()
    for _ in range(2):
        warehouse = Store(place).warehouse("intercom", 60, print)
        [(folder,)] = warehouse.ask(
            lambda c: c.execute("select current_setting('temp_directory')").fetchall()
        )
        folders.add(Path(folder))
        # As another process would open it.
        close_all()

    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {Path(tempfile.gettempdir())}


def test_a_database_that_is_not_there_is_not_waited_for_as_a_lake(
    catalogues: Postgres, tmp_path: Path
) -> None:
    address = f"dbname=nobodys host=127.0.0.1 port={catalogues.port} user={catalogues.user}"
    place = Place(
        f"ducklake:postgres:{address}",
        data_path=str(tmp_path),
        extension_directory=extension_directory(),
    )
    with pytest.raises(DatabaseUnavailable, match='"nobodys" does not exist') as caught:
        rows_of(Store(place).warehouse("intercom", 600, print), "things")

    assert not caught.value.will_pass


def test_a_server_that_stays_away_from_its_lake_is_waited_for_once(
    proxy: Proxy, tmp_path: Path
) -> None:
    proxy.close()
    place = Place(
        f"ducklake:postgres:dbname=any host=127.0.0.1 port={proxy.port} user=any",
        data_path=str(tmp_path),
        extension_directory=extension_directory(),
    )
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match="Connection refused"):
        rows_of(Store(place).warehouse("intercom", 1, print), "things")

    assert time.monotonic() - began < 30
