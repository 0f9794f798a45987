"""Secrets of a warehouse: settings name their variables, and what shows has none of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from duckdb import DuckDBPyConnection

from intercom_assets import WarehouseResource, build_intercom_definitions
from intercom_assets.cli import main
from intercom_assets.component import IntercomComponent
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.warehouse import variables
from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets.warehouse.kinds.ducklake import close_all
from intercom_assets.warehouse.place import Place
from intercom_assets.warehouse_resource import place_of
from intercom_assets_tests.servers import Postgres, s3
from intercom_assets_tests.warehouses import extension_directory

needs_extensions = pytest.mark.skipif(
    extension_directory() is None, reason="`make test-lake` has extensions"
)
AWS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
QUOTED = "it'sasecret"


def shows(secret: str, text: str, length: int = 5) -> bool:
    """Whether a text has so many characters of a secret, in whatever spelling."""
    plain = text.replace("''", "'").replace("\\'", "'")
    return any(secret[at : at + length] in plain for at in range(len(secret) - length + 1))


def told(problem: BaseException) -> str:
    """What is said by an error and all that led to it, as Dagster tells it."""
    texts = []
    seen: BaseException | None = problem
    while seen is not None:
        texts.append(f"{type(seen).__name__}: {seen}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(texts)


@pytest.mark.parametrize(
    "statement",
    [
        "create secret (type s3, key_id 'AKIA', secret ${AWS} regoin 'x')",
        f"create secret (type s3, key_id 'AKIA', secret '{AWS}' regoin 'x')",
        f"create secret (type s3, key_id 'AKIA', secret '{AWS}",
        f"create secret (type s3, key_id 'AKIA, secret '{AWS}')",
        f"create secret (type s3, secret {AWS})",
        f"create secret (type nosuch, secret '{AWS}')",
        f"set motherduck_token = '{AWS}' '{AWS}'",
        f"set motherduck_token = 'x'{AWS}''",
        f"attach 'dbname=x password={AWS}' as b (nosuch",
        f"attach '/no/such/folder/password={AWS}' as b",
        "set no_such_setting = ${AWS} + 'a' b",
        f"select $${AWS}$$::int as token",
    ],
)
def test_an_error_of_the_initial_sql_has_its_number_and_no_part_of_a_secret(
    statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS", AWS)
    resource = WarehouseResource(
        database=str(tmp_path / "w.duckdb"), init_sql=["set threads = 1; select 1", statement]
    )
    with (
        pytest.raises(Exception, match="statement 3 of the initial SQL") as caught,
        resource.get_connection(),
    ):
        pass
    assert not shows(AWS, told(caught.value)), told(caught.value)
    assert "LINE 1" not in told(caught.value)


def test_a_wrong_statement_says_where_to_correct_it(tmp_path: Path) -> None:
    resource = WarehouseResource(
        database=str(tmp_path / "w.duckdb"), init_sql=["create secret (type s3) regoin 'x'"]
    )
    with (
        pytest.raises(DatabaseUnavailable, match=r'near "regoin"\. Correct init_sql, or INTER'),
        resource.get_connection(),
    ):
        pass


@pytest.mark.parametrize(
    "place",
    [
        Place("w", init_sql=("set motherduck_token = 'opensesame'",)),
        Place("w", init_sql=("set motherduck_token = opensesame;",)),
        Place("w", init_sql=("attach 'dbname=x password=opensesame' as b (type postgres)",)),
        Place("w", init_sql=("attach 'postgres:postgresql://me:opensesame@db/x' as b",)),
        Place("w", init_sql=('create secret (type s3, secret "opensesame")',)),
        Place("w", init_sql=("create secret (type s3, secret $$opensesame$$)",)),
        Place("w", attach={"META_CONNECTION": "dbname=x password=opensesame"}),
    ],
)
def test_a_secret_is_hidden_wherever_it_is_written(place: Place) -> None:
    assert place.hide("so 'opensesame' and opensesame") == "so '***' and ***"


def test_a_secret_is_hidden_in_each_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", f"{QUOTED} \\1")
    place = Place("w", init_sql=("create secret (type s3, secret ${PW})",))
    for text in (*place.statements(), "it\\'sasecret \\\\1", "it%27sasecret%20%5C1"):
        assert "sasecret" not in place.hide(text)


def test_what_is_no_secret_can_be_read() -> None:
    place = Place("w", init_sql=("create secret s (type s3, secret 'abcd', url_style 'path')",))
    assert place.hide("no path to abcd") == "no path to ***"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("ducklake:postgres:dbname=lake password=${PW}", r"password='it\'s a \\secret'"),
        ("ducklake:postgres:dbname=lake password='${PW}'", r"password='it\'s a \\secret'"),
        ("ducklake:postgres:dbname=lake password=${PLAIN} host=db", "password=plain host=db"),
        ("ducklake:postgres:postgresql://me:${PW}@db/x", "me:it%27s%20a%20%5Csecret@db/x"),
        ("ducklake:postgres:postgresql://db/x?password=${PW}", "=it%27s%20a%20%5Csecret"),
        ("md:ours?motherduck_token=${PLAIN}", "token=plain"),
        ("${LAKE}", "ducklake:postgres:dbname=x"),
    ],
)
def test_a_variable_is_spelled_as_an_address_asks_for(
    given: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "it's a \\secret")
    monkeypatch.setenv("PLAIN", "plain")
    monkeypatch.setenv("LAKE", "ducklake:postgres:dbname=x")
    assert variables.in_address(given).endswith(found)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("secret ${PW}", "secret 'it''sasecret'"),
        ("secret '${PW}'", "secret 'it''sasecret'"),
        ("attach 'password=${PW} x'", "attach 'password=it''sasecret x'"),
        ('use "${PW}"', 'use "it\'sasecret"'),
        ("-- don't ${PW}\nsecret ${PW}", "-- don't ${PW}\nsecret 'it''sasecret'"),
    ],
)
def test_a_variable_is_spelled_as_sql_asks_for(
    given: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", QUOTED)
    assert variables.in_sql(given) == found


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings that name variables."""
    for name, value in {
        "PW": QUOTED,
        "BUCKET": "b",
        "KEY": "opensesame",
        "N": "1",
        "YES": "True",
    }.items():
        monkeypatch.setenv(name, value)
    return {
        "database": "ducklake:postgres:dbname=lake password=${PW}",
        "data_path": "s3://${BUCKET}/lake",
        "attach": {"ENCRYPTION_KEY": dg.EnvVar("KEY"), "limit": "${N}", "encrypted": "${YES}"},
        "connection_config": {"motherduck_token": dg.EnvVar("KEY"), "threads": dg.EnvVar.int("N")},
    }


def check(place: Place) -> None:
    assert place.database == "ducklake:postgres:dbname=lake password='it\\'sasecret'"
    assert place.data_path == "s3://b/lake"
    assert place.attach == {"ENCRYPTION_KEY": "opensesame", "limit": "1", "encrypted": True}
    assert place.config == {"motherduck_token": "opensesame", "threads": "1"}
    assert place.hide("opensesame") == place.hide("it\\'sasecret") == "***"


def test_every_setting_may_name_variables_within_a_run_and_outside(named: dict[str, Any]) -> None:
    check(place_of(WarehouseResource(**named)))
    places = []

    @dg.asset
    def seen(warehouse: WarehouseResource) -> None:
        places.append(place_of(warehouse))

    dg.materialize([seen], resources={"warehouse": WarehouseResource(**named)})
    check(places[0])


def test_a_variable_that_is_not_set_is_named_when_the_warehouse_is_opened() -> None:
    definitions = build_intercom_definitions(warehouse="ducklake:postgres:password=${NO_SUCH}")
    store = (definitions.resources or {})["intercom_io_manager"]
    assert "intercom_lake_maintenance" in {job.name for job in definitions.jobs or ()}
    with pytest.raises(DatabaseUnavailable, match="NO_SUCH, which is not set: set it for"):
        _ = store.place


def test_templates_within_yaml_are_looked_up_by_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = {
        "warehouse": {
            "database": "ducklake:postgres:dbname=lake password={{ env.PW }}",
            "attach": {"ENCRYPTION_KEY": "{{ env('PW') }}", "limit": "{{ 1 + 1 }}"},
            "init_sql": ["set variable a = '{{ env.PW }}'", "set variable b = {{ env.PW }}"],
            "connection_config": {"motherduck_token": "{{ env.PW }}"},
        }
    }
    # While the location loads, nobody has to know it.
    monkeypatch.delenv("PW", raising=False)
    component = IntercomComponent.resolve_from_dict(yaml)
    found = (component.build_defs(dg.ComponentTree.for_test().load_context).resources or {})[
        "intercom_io_manager"
    ]
    assert isinstance(found, IntercomDuckDBIOManager)
    monkeypatch.setenv("PW", QUOTED)
    assert "sasecret" not in repr(found)
    place = found.place
    assert place.database.endswith(r"password='it\'sasecret'")
    assert place.attach == {"ENCRYPTION_KEY": QUOTED, "limit": 2}
    assert place.config == {"motherduck_token": QUOTED}
    assert place.statements() == [f"set variable {n} = 'it''sasecret'" for n in "ab"]


@pytest.mark.parametrize(
    "yaml",
    [
        {"warehouse": "md:ours?motherduck_token={{ env.PW }}"},
        {"database": "md:ours?motherduck_token={{ env.PW }}"},
        {"database": "w.duckdb", "connection_config": {"token": "{{ env.PW }}"}},
    ],
)
def test_so_they_are_in_the_short_forms(
    yaml: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "opensesame")
    component = IntercomComponent.resolve_from_dict(yaml)
    made = component.build_defs(dg.ComponentTree.for_test().load_context)
    found = (made.resources or {})["intercom_io_manager"]
    assert "opensesame" not in repr(found)
    assert "opensesame" in repr((found.place.database, found.place.config))


def test_each_connection_to_a_file_has_the_settings_and_what_the_first_one_made(
    tmp_path: Path,
) -> None:
    resource = WarehouseResource(
        database=str(tmp_path / "w.duckdb"),
        init_sql=[
            f"attach ':memory:' as beside; attach '{tmp_path / 'other.duckdb'}' as other",
            "create table beside.t as select 1 as a",
            "set variable who = 'me'",
            "create temp table mine as select 2 as b",
        ],
    )

    def look(connection: DuckDBPyConnection) -> list[Any]:
        return connection.execute("select a, b, getvariable('who') from beside.t, mine").fetchall()

    for _ in range(2):
        with resource.get_connection() as first, resource.get_connection() as second:
            assert look(first) == look(second) == [(1, 2, "me")]


def test_what_somebody_else_has_made_is_told(tmp_path: Path) -> None:
    database = str(tmp_path / "w.duckdb")
    theirs = WarehouseResource(database=database, init_sql=["attach ':memory:' as beside"])
    ours = WarehouseResource(database=database, init_sql=["attach ':memory:' as Beside"])
    with (
        theirs.get_connection(),
        pytest.raises(DatabaseUnavailable, match=r'statement 1 .* "Beside" already exists'),
        ours.get_connection(),
    ):
        pass


@needs_extensions
def test_two_connections_to_a_file_share_a_secret_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS", AWS)
    resource = WarehouseResource(
        database=str(tmp_path / "w.duckdb"),
        extension_directory=extension_directory(),
        init_sql=["load httpfs; create secret (type s3, key_id 'key', secret '${AWS}')"],
    )
    for _ in range(2):
        with resource.get_connection(), resource.get_connection() as second:
            asked = second.execute("select name from duckdb_secrets()")
            assert asked.fetchall() == [("__default_s3",)]


def test_the_environment_has_initial_sql_and_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", QUOTED)
    written = "set variable a = '${PW};'; set variable b = 2;"
    monkeypatch.setenv("INTERCOM_INIT_SQL", written)
    resource = WarehouseResource.of_environment(database=str(tmp_path / "w.duckdb"))
    assert resource.init_sql == ["${INTERCOM_INIT_SQL}"]
    with resource.get_connection() as connection:
        asked = connection.execute("select getvariable('a'), getvariable('b')")
        assert asked.fetchall() == [(f"{QUOTED};", 2)]
    monkeypatch.setenv("INTERCOM_ATTACH", '{"METADATA_SCHEMA": "ours", "ENCRYPTION_KEY": "${PW}"}')
    resource = WarehouseResource.of_environment(database="ducklake:w.ducklake")
    assert "METADATA_SCHEMA" not in repr(resource)
    assert place_of(resource).attach == {"METADATA_SCHEMA": "ours", "ENCRYPTION_KEY": QUOTED}
    assert place_of(resource).hide(QUOTED) == "***"
    given = WarehouseResource.of_environment(attach={"ENCRYPTED": True}, init_sql=["select 1"])
    assert place_of(given).attach == {"ENCRYPTED": True}
    assert place_of(given).init_sql == ("select 1",)


@pytest.mark.parametrize("written", ["opensesame", '["opensesame"]'])
def test_options_that_are_no_json_are_refused(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERCOM_ATTACH", written)
    with pytest.raises(DatabaseUnavailable, match="INTERCOM_ATTACH or attach_json") as caught:
        place_of(WarehouseResource.of_environment())
    assert "opensesame" not in told(caught.value)


def test_the_commands_go_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    monkeypatch.setenv("INTERCOM_DUCKDB_PATH", str(tmp_path / "other.duckdb"))
    monkeypatch.setenv("INTERCOM_WAREHOUSE", str(tmp_path / "none.duckdb"))
    with pytest.raises(SystemExit, match=r"none\.duckdb"):
        main(["report"])
    with pytest.raises(SystemExit, match=r"materialize them first"):
        main(["report", "--warehouse", str(tmp_path / "other.duckdb")])
    monkeypatch.setenv("INTERCOM_WAREHOUSE", "ducklake:postgres:password=${NO_SUCH}")
    for words in (["report"], ["erase", "contact", "1"]):
        with pytest.raises(SystemExit, match="NO_SUCH, which is not set"):
            main(words)


@pytest.fixture
def catalogue(catalogues: Postgres) -> Iterator[Callable[[str, str], str]]:
    """Makes a catalogue whose user has a password."""

    def make(name: str, password: str) -> str:
        address = catalogues.create(name)
        quoted = password.replace("'", "''")
        catalogues.call(
            "psql", "-h", "127.0.0.1", "-p", str(catalogues.port), "-U", catalogues.user,
            "-d", name, "-c", f"create role {name} superuser login password '{quoted}'",
        )  # fmt: skip
        return address.replace(f"user={catalogues.user}", f"user={name}")

    yield make
    close_all()


@needs_extensions
def test_a_lake_by_the_environment_alone(
    catalogue: Callable[[str, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An S3 server, a password that has to be quoted, options, settings of each cursor."""
    password = "it's a \\secret"
    address = catalogue("named_by_variables", password)
    with s3() as server:
        for name, value in {
            "LAKE_PASSWORD": password,
            "AWS_SECRET": "secret",
            "YES": "true",
            "INTERCOM_WAREHOUSE": f"ducklake:postgres:{address} password=${{LAKE_PASSWORD}}",
            "INTERCOM_DATA_PATH": "s3://lake/named",
            "INTERCOM_EXTENSION_DIRECTORY": str(extension_directory()),
            "INTERCOM_ATTACH": json.dumps(
                {"METADATA_SCHEMA": "ours", "DATA_INLINING_ROW_LIMIT": "0", "ENCRYPTED": "${YES}"}
            ),
            "INTERCOM_INIT_SQL": "set variable who = 'me'; create secret (type s3, key_id 'key', "
            f"secret '${{AWS_SECRET}}', endpoint '{server}', url_style 'path', use_ssl false)",
        }.items():
            monkeypatch.setenv(name, value)
        resource = WarehouseResource.of_environment()
        for _ in range(2):
            with resource.get_connection() as connection:
                connection.execute("create or replace table t as select getvariable('who') as who")
                assert connection.execute("from t").fetchall() == [("me",)]
        with pytest.raises(SystemExit, match="materialize them first"):
            main(["report"])
        monkeypatch.setenv("AWS_SECRET", "another")
        monkeypatch.setenv("INTERCOM_ATTACH", '{"NO_SUCH_OPTION": 1}')
        with pytest.raises(duckdb.Error, match=r"(?i)no_such_option") as caught:
            WarehouseResource.of_environment().get_connection().__enter__()
        assert not shows(password, told(caught.value), 6)


@needs_extensions
def test_no_part_of_the_password_of_a_lake_that_is_away_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAKE_PASSWORD", "it's a \\secret with blanks")
    resource = WarehouseResource(
        database="ducklake:postgres:host=127.0.0.1 port=1 password=${LAKE_PASSWORD}",
        extension_directory=extension_directory(),
    )
    with pytest.raises(DatabaseUnavailable, match="Connection refused") as caught:
        resource.get_connection().__enter__()
    assert not shows("it's a \\secret with blanks", told(caught.value), 6), told(caught.value)
