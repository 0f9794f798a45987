"""The token is found nowhere, whatever went wrong; and it travels encrypted, or not at all."""

from __future__ import annotations

import json
import os
import socketserver
import sqlite3
import ssl
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import TracebackType

import duckdb
import pytest

from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import ConfigError, IntercomError, RequestRefused, ServerError
from intercom_assets.client.settings import Settings
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets_tests.conftest import client_of
from intercom_assets_tests.traces import traces

TOKEN = "tok-1f2e3d4c5b6a"
ROOT = Path(__file__).resolve().parent.parent


def environment(folder: Path, sandbox: Sandbox) -> dict[str, str]:
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("INTERCOM_", "DAGSTER_"))}
    return {
        **outside,
        "DAGSTER_HOME": str(folder),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "INTERCOM_ACCESS_TOKEN": TOKEN,
        "INTERCOM_BASE_URL": sandbox.url,
        "INTERCOM_DUCKDB_PATH": str(folder / "warehouse.duckdb"),
        "INTERCOM_REQUEST_TIMEOUT": "0.3",
        "INTERCOM_RETRY_WAIT": "0.001",
    }


def output_of(*command: str, env: dict[str, str]) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=env["DAGSTER_HOME"],
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_token_is_found_nowhere_after_all_that_can_go_wrong(tmp_path: Path) -> None:
    """What is printed, the event log, the compute logs, the database, the tap, the demo."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").touch()
    location = tmp_path / "location.py"
    location.write_text(
        "from intercom_assets import build_intercom_definitions\n"
        "defs = build_intercom_definitions(max_retries=1, retry_seconds=0)\n"
    )
    materialize = ("dagster", "asset", "materialize", "-f", str(location), "--select", "*")
    sizes = {"contacts": 20, "companies": 10, "conversations": 10}
    with Sandbox(**sizes, token=TOKEN, scroll_expiry=0.5) as sandbox:
        env = environment(home, sandbox)
        printed = [output_of(*materialize, env=env)]
        assert b"RUN_SUCCESS" in printed[0]
        sandbox.missing_scopes.update({"/tags": 401, "/teams": 403})
        sandbox.faults += [
            Fault("reset", match="/contacts/search"),
            Fault("stall", match="/companies/scroll", seconds=2, times=2),
            Fault("redirect", match="type=company", url="http://127.0.0.1:1/segments"),
            Fault("next_url", match="/segments", url="https://elsewhere.example/segments"),
            Fault("status", match="model=contact", status=500, body="html"),
            Fault("cut_json", match="model=company"),
            Fault("empty_200", match="/conversations/search"),
        ]
        printed.append(output_of(*materialize, env=env))
        assert b"RUN_FAILURE" in printed[1]
        wrong = {**env, "INTERCOM_ACCESS_TOKEN": f"{TOKEN}x"}
        printed.append(output_of(*materialize, env=wrong))
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"access_token": TOKEN, "base_url": sandbox.url}))
        tap = ("intercom_assets.tap", "--config", str(config))
        printed.append(output_of(*tap, "--discover", env=env))
        catalog = tmp_path / "catalog.json"
        catalog.write_bytes(printed[-1][printed[-1].index(b"{") : printed[-1].rindex(b"}") + 1])
        printed.append(output_of(*tap, "--catalog", str(catalog), env=env))
    printed.append(output_of("intercom_assets.demo", env=env))
    assert b"Second run" in printed[-1]
    everything = b"".join(printed)
    assert TOKEN.encode() not in everything and Sandbox().token.encode() not in everything
    looked_at = [path for path in tmp_path.rglob("*") if path.is_file() and path != config]
    assert {".db", ".err", ".duckdb"} <= {path.suffix for path in looked_at}
    for token in (TOKEN, Sandbox().token):
        assert traces(token, looked_at) == []


def test_a_trace_of_the_token_is_found_where_it_is_compressed(tmp_path: Path) -> None:
    """As Dagster's snapshots are, and DuckDB's strings."""
    runs, warehouse = tmp_path / "runs.db", tmp_path / "warehouse.duckdb"
    with closing(sqlite3.connect(runs)) as connection:
        connection.execute("create table snapshots (body blob)")
        snapshot = zlib.compress(f"{'a snapshot ' * 9} {TOKEN}".encode())
        connection.execute("insert into snapshots values (?)", [snapshot])
        connection.commit()
    with duckdb.connect(str(warehouse)) as database:
        some = f"select i || '{TOKEN}' as a from range(20000) as t(i)"
        database.execute(f"create table texts as {some}")
        database.execute(f"create table nested as select [{{'a': to_json(a)}}] as b from ({some})")
    assert not any(TOKEN.encode() in path.read_bytes() for path in (runs, warehouse))
    found = [f"{runs}: snapshots", f"{warehouse}: main.nested", f"{warehouse}: main.texts"]
    assert sorted(traces(TOKEN, [tmp_path])) == sorted(found)
    assert traces("another", [tmp_path]) == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=401),
        Fault("status", status=500, body="html"),
        Fault("reset"),
        Fault("cut_json"),
        Fault("stall", seconds=2),
        Fault("redirect", url="https://elsewhere.example"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_a_traceback_that_shows_local_variables_does_not_show_the_token(fault: Fault) -> None:
    """As Sentry, rich and pytest show them, with every exception on the way."""
    with Sandbox(token=TOKEN) as sandbox:
        sandbox.faults.append(fault)
        config = {"access_token": TOKEN, "base_url": sandbox.url}
        client = IntercomClient(config={**config, "retry_wait": 0.001, "request_timeout": 0.1})
        for call in (
            partial(client.get, "/me"),
            partial(client.post, "/contacts/search", json={"query": None}),
        ):
            with pytest.raises(IntercomError) as caught:
                call()
            problem: BaseException | None = caught.value
            while problem:
                for _, value in _locals_of(problem.__traceback__):
                    assert TOKEN not in repr(value)
                problem = problem.__cause__ or problem.__context__


def _locals_of(traceback: TracebackType | None) -> Iterator[tuple[str, object]]:
    """Local variables in the frames of the product and of what it uses."""
    while traceback:
        if "_tests" not in traceback.tb_frame.f_code.co_filename:
            yield from traceback.tb_frame.f_locals.items()
        traceback = traceback.tb_next


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that refuses everything; and what it was sent."""
    heard: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (line := self.rfile.readline()).strip():
                heard.append(line)
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", heard
        server.shutdown()
        thread.join()


def test_plain_http_stays_on_this_machine_whatever_proxies_there_are(
    sandbox: Sandbox, proxy: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy[0])
    client = client_of(sandbox)
    assert client.get("/me").body["type"] == "admin"
    assert proxy[1] == []


def test_a_proxy_is_asked_for_a_tunnel_and_does_not_see_the_token(
    proxy: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy[0])
    client = IntercomClient(config={"access_token": TOKEN, "retry_wait": 0.001})
    with pytest.raises(ServerError, match="the proxy did not answer"):
        client.get("/me")
    assert proxy[1][0].startswith(b"CONNECT api.intercom.io:443 ")
    assert TOKEN.encode() not in b"".join(proxy[1])


@pytest.mark.parametrize(
    "url",
    [
        "http://api.intercom.io",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://[2001:db8::1]",
        "ftp://api.intercom.io",
        "api.intercom.io",
        "https://user:secret@api.intercom.io",
    ],
)
def test_plain_http_is_refused_but_on_this_machine(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        Settings(access_token=TOKEN, base_url=url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_plain_http_is_allowed_on_this_machine(host: str) -> None:
    assert Settings(access_token=TOKEN, base_url=f"http://{host}:8080").base_url


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[str]:
    """A server with a certificate that nobody vouches for, which notes what it is sent."""
    certificate = tmp_path / "certificate.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext"
    subprocess.run(
        [
            *("openssl", *words.split(), "subjectAltName=DNS:localhost"),
            *("-keyout", str(certificate), "-out", str(tmp_path / "public.pem")),
        ],
        check=True,
        capture_output=True,
    )
    with certificate.open("a") as file:
        file.write((tmp_path / "public.pem").read_text())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that hangs up during the handshake is what is expected."""

    server = Quiet(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"PYTHONHTTPSVERIFY": "0"},
        {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""},
        {"SSL_CERT_FILE": "", "REQUESTS_VERIFY": "false"},
    ],
)
def test_tls_is_verified_whatever_the_environment_says(
    self_signed: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = IntercomClient(config={"access_token": TOKEN, "base_url": self_signed})
    with pytest.raises(RequestRefused, match="TLS failed") as caught:
        client.get("/me")
    assert TOKEN not in str(caught.value)


def test_a_bundle_of_ones_own_is_trusted(
    self_signed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "public.pem"))
    client = IntercomClient(config={"access_token": TOKEN, "base_url": self_signed})
    assert client.get("/me").body == {}


def test_no_setting_switches_verification_off() -> None:
    for name in ("verify", "verify_ssl", "insecure"):
        with pytest.raises(ConfigError, match="unknown setting"):
            IntercomClient(config={"access_token": TOKEN, name: False})
