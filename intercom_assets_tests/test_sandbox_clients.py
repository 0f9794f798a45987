"""Programs that others wrote read the sandbox to the end, and get what the workspace holds.

What each of them cannot do is in docs/sandbox.md.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from intercom_assets.sandbox import Sandbox, Workspace
from intercom_assets_tests.conftest import SMALL, Project
from intercom_assets_tests.environments import make_environment, python_of

pytestmark = pytest.mark.slow

CLIENTS = Path(__file__).parent / "clients"
Read = dict[str, Any]


@pytest.fixture(scope="module")
def source() -> Iterator[Sandbox]:
    """A sandbox that nobody changes, without what some of the programs cannot hold."""
    with Sandbox(**SMALL, tickets=20) as sandbox:
        make_plain(sandbox.workspace)
        yield sandbox


def make_plain(workspace: Workspace) -> None:
    """Leaves out integers beyond a double's, fractions of spendings, and avatars that are text.

    JavaScript rounds the first; the SDK for Python cuts the second; tap-intercom ends at the third,
    which the description has.
    """
    for admin in workspace.admins.values():
        if isinstance(admin.get("avatar"), str):
            admin["avatar"] = {"type": "avatar", "image_url": admin["avatar"]}
    for table in (workspace.contacts, workspace.companies, workspace.conversations):
        for record in table.values():
            for holder in (record, record.get("company") or {}):
                if "monthly_spend" in holder:
                    holder["monthly_spend"] = int(holder["monthly_spend"])
                values = holder.get("custom_attributes") or {}
                large = [name for name, value in values.items() if is_large(value)]
                holder["custom_attributes"] = {k: v for k, v in values.items() if k not in large}


def is_large(value: object) -> bool:
    return isinstance(value, int) and abs(value) >= 2**53


@pytest.fixture(scope="module")
def project(source: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The same workspace, loaded into DuckDB by us."""
    folder = tmp_path_factory.mktemp("ours")
    with dg.DagsterInstance.ephemeral() as instance:
        project = Project(source, folder / "ours.duckdb", instance)
        project.run(*OURS, "contacts", "companies", "conversations", "tickets", "admins")
        yield project


OURS = ("tags", "teams", "segments", "conversation_parts", "ticket_parts")


def run(*command: str | Path, folder: Path | None = None) -> str:
    """What a program writes."""
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, cwd=folder, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(
    scope="module",
    params=["intercom-client@7.0.3", "intercom-client@6.4.0", "python-intercom==5.0.1"],
)
def sdk(
    request: pytest.FixtureRequest, source: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Read:
    """What one of Intercom's own SDKs read."""
    folder, package = tmp_path_factory.mktemp("sdk"), str(request.param)
    where = (source.url, source.token)
    if package.startswith("python"):
        programs = make_environment(folder / "env", package)
        script = CLIENTS / "python_intercom.py"
        return dict(json.loads(run(programs / "python", "-W", "ignore", script, *where)))
    if shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed")
    run("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", package)
    script = CLIENTS / "intercom_client.js"
    return dict(json.loads(run("node", script, *where, folder=folder)))


def test_an_sdk_gets_whole_tables(sdk: Read, source: Sandbox) -> None:
    workspace = source.workspace
    for name in ("teams", "tags", "subscription_types", "companies", "contacts", "conversations"):
        assert same(sdk[name], workspace.records(name)), name
    for name in ("contacts", "conversations"):
        assert same(sdk[f"{name}_searched"], getattr(workspace, name).values()), name
    assert same(sdk["segments"], workspace.segments.values())
    assert same(sdk["ticket_types"], workspace.ticket_types.values())
    assert same(sdk["contact_attributes"], workspace.contact_attributes, key="full_name")
    assert normal(sdk["me"]) == normal(workspace.me)
    # It does not ask for avatars.
    assert same(sdk["admins"], [without(a, "avatar") for a in workspace.admins.values()])
    used = [company for company in workspace.companies.values() if company["user_count"]]
    assert same(sdk["companies_listed"], used)


def test_an_sdk_gets_tickets_and_conversations_with_their_parts(sdk: Read, source: Sandbox) -> None:
    workspace = source.workspace
    tickets = {ticket["id"]: ticket for ticket in sdk["tickets_searched"]}
    assert tickets.keys() == workspace.tickets.keys()
    for id, ticket in tickets.items():
        parts = ticket.pop("ticket_parts")
        assert normal(parts["ticket_parts"]) == normal(workspace.ticket_parts[id][-500:])
        assert normal(ticket) == normal(workspace.tickets[id])
    assert len(sdk["one_conversation"]) == 5
    for id, conversation in sdk["one_conversation"].items():
        parts = conversation.pop("conversation_parts")
        held = [without(part, "translations") for part in workspace.parts[id][-500:]]
        assert normal(parts["conversation_parts"]) == normal(held)
        assert normal(conversation) == normal(workspace.conversations[id])


def test_an_sdk_gets_what_hangs_on_records(sdk: Read, source: Sandbox) -> None:
    workspace = source.workspace
    for kind in ("tags", "notes"):
        found = sdk[f"contact_{kind}"]
        assert found.keys() == workspace.contacts.keys()
        for id, records in found.items():
            assert same(records, workspace.sublists.get((id, kind), [])), (kind, id)
        assert any(found.values())
    for id, people in sdk["company_contacts"].items():
        assert len(people) == workspace.companies[id]["user_count"]
    for id, summaries in sdk["events"].items():
        assert sum(one["count"] for one in summaries) == len(workspace.attached(id, "events"))


def test_our_tables_hold_what_an_sdk_got(sdk: Read, source: Sandbox, project: Project) -> None:
    told = copy.copy(source.workspace)
    for name in ("contacts", "companies", "conversations", "tags", "teams"):
        setattr(told, name, {record["id"]: record for record in sdk[name]})
    ours = Project(source, project.database, project.instance)
    ours.sandbox = copy.copy(source)
    ours.sandbox.workspace = told

    assert ours.differences("contacts", "companies", "conversations", "tags", "teams") == {}


def without(record: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != name}


def same(found: list[Any], held: Any, key: str = "id") -> bool:
    """Whether two lists have the same records, in any order."""
    one, other = ({record[key]: normal(record) for record in side} for side in (found, held))
    assert len(found) == len(one)
    return one == other


def normal(value: Any, name: str = "") -> Any:
    """A value as every SDK tells it.

    Numbers have one type in JavaScript; the one for Python leaves out what is null, and makes
    numbers of owners' ids.
    """
    if isinstance(value, dict):
        told = {key: normal(inner, key) for key, inner in value.items()}
        return {key: inner for key, inner in told.items() if inner is not None}
    if isinstance(value, list):
        return [normal(inner) for inner in value]
    if name == "owner_id" and value is not None:
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


@pytest.fixture(scope="module")
def tap(source: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Read]]:
    """The records of tap-intercom, by stream."""
    folder = tmp_path_factory.mktemp("tap")
    programs = make_environment(folder / "env", "tap-intercom==2.2.5")
    command = (programs / "python", CLIENTS / "tap_intercom_main.py", source.url)
    config, catalog = folder / "config.json", folder / "catalog.json"
    start = {"start_date": "2015-01-01T00:00:00Z", "user_agent": "a test"}
    config.write_text(json.dumps({"access_token": source.token, **start}))
    known = json.loads(run(*command, "--config", config, "--discover"))
    for stream in known["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    catalog.write_text(json.dumps(known))
    text = run(*command, "--config", config, "--catalog", catalog)
    messages = [json.loads(line) for line in text.split("\n") if line]
    return by_stream((m["stream"], m["record"]) for m in messages if m["type"] == "RECORD")


@pytest.fixture(scope="module")
def airbyte(source: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Read]]:
    """The records of Airbyte's connector, by stream."""
    folder = tmp_path_factory.mktemp("airbyte")
    # It does not install beside Python 3.12 and later.
    programs = make_environment(
        folder / "env", "airbyte-source-intercom==0.8.3", python=python_of("3.11")
    )
    [manifest] = folder.glob("env/lib/*/site-packages/source_intercom/manifest.yaml")
    # The host is a constant of its manifest. The file may be a link to what the installer keeps for
    # all environments, which stays as it is.
    text = manifest.read_text()
    manifest.unlink()
    manifest.write_text(text.replace("https://api.intercom.io/", f"{source.url}/"))
    config, catalog = folder / "config.json", folder / "catalog.json"
    start = {"start_date": "2015-01-01T00:00:00Z"}
    config.write_text(json.dumps({"access_token": source.token, **start}))
    connector = (programs / "source-intercom",)
    lines = run(*connector, "discover", "--config", config).splitlines()
    [known] = [m["catalog"] for m in map(json.loads, lines) if m["type"] == "CATALOG"]
    modes = {"sync_mode": "full_refresh", "destination_sync_mode": "append"}
    catalog.write_text(json.dumps({"streams": [{"stream": s, **modes} for s in known["streams"]]}))
    text = run(*connector, "read", "--config", config, "--catalog", catalog)
    lines = [line for line in text.split("\n") if '"RECORD"' in line]
    messages = [json.loads(line)["record"] for line in lines]
    return by_stream((m["stream"], m["data"]) for m in messages)


def by_stream(records: Any) -> dict[str, list[Read]]:
    found: dict[str, list[Read]] = {}
    for stream, record in records:
        found.setdefault(stream, []).append(record)
    return found


CONNECTED = (
    "contacts",
    "companies",
    "conversations",
    "conversation_parts",
    "admins",
    "tags",
    "teams",
    "segments",
)


@pytest.mark.parametrize("stream", CONNECTED)
@pytest.mark.parametrize("connector", ["tap", "airbyte"])
def test_our_tables_hold_what_a_connector_got(
    request: pytest.FixtureRequest, project: Project, connector: str, stream: str
) -> None:
    records = request.getfixturevalue(connector)[stream]
    rows = {row["id"]: row for row in project_rows(project, stream)}

    assert {str(record["id"]) for record in records} == rows.keys()
    compared = 0
    for record in records:
        row = rows[str(record["id"])]
        for name in COMPARED & row.keys() & record.keys():
            compared += row[name] is not None
            assert READERS[connector](name, record[name]) == row[name], (stream, name)
    assert compared >= len(records)


# Texts, numbers and times that a table has as columns of its own.
COMPARED = {
    "name", "email", "phone", "role", "external_id", "owner_id", "created_at", "updated_at",
    "signed_up_at", "last_seen_at", "browser", "os", "unsubscribed_from_emails", "company_id",
    "session_count", "user_count", "state", "open", "read", "title", "part_type", "redacted",
    "conversation_id", "person_type", "job_title", "has_inbox_seat", "away_mode_enabled",
}  # fmt: skip


def project_rows(project: Project, stream: str) -> list[dict[str, Any]]:
    """Rows of a table, times in epoch seconds."""
    described = project.query(f"describe intercom.{stream}")
    columns = ", ".join(
        f'epoch("{name}")::bigint as "{name}"' if kind.startswith("TIMESTAMP") else f'"{name}"'
        for name, kind, *_ in described
    )
    rows = project.query(f"select {columns} from intercom.{stream}")
    return [dict(zip([name for name, *_ in described], row, strict=True)) for row in rows]


def read_plain(name: str, value: Any) -> Any:
    """A value as a table has it: ids are text, whatever they came as."""
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value) if name.endswith("_id") and value is not None else value


def read_singer(name: str, value: Any) -> Any:
    """The same, with times as Singer writes them."""
    if name.endswith("_at") and isinstance(value, str):
        return round(datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp())
    return read_plain(name, value)


READERS: dict[str, Callable[[str, Any], Any]] = {"tap": read_singer, "airbyte": read_plain}
