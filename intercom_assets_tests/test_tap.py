"""The Singer tap, run as a user runs it, and its output read as a target reads it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from intercom_assets.sandbox import Fault, RequestLog, Sandbox
from intercom_assets.singer import tap
from intercom_assets.singer.catalog import discover
from intercom_assets.streams import STREAMS
from intercom_assets.streams.selection import choose
from intercom_assets.streams.timestamps import to_iso
from intercom_assets_tests.singer_output import Target

Run = Callable[..., str]


@pytest.fixture
def files(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A folder with a configuration."""
    config = {"access_token": sandbox.token, "base_url": sandbox.url, "retry_wait": 0.01}
    write(tmp_path / "config.json", config)
    return tmp_path


@pytest.fixture
def run(files: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the tap in this process; gives what it wrote to stdout."""

    def run(*arguments: str, code: int = 0, **inputs: Any) -> str:
        options = ["--config", str(files / "config.json"), *arguments]
        for name, value in inputs.items():
            options += [f"--{name}", str(write(files / f"{name}.json", value))]
        capsys.readouterr()
        assert tap.main(options) == code
        return capsys.readouterr().out

    return run


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def only(*streams: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A catalog that selects streams, and of them all fields but some."""
    catalog = discover()
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = entry["stream"] in streams
        for field in entry["metadata"][1:]:
            field["metadata"]["selected"] = field["breadcrumb"][1] not in without
    return catalog


def command(files: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "intercom_assets.tap", "-c", f"{files}/config.json", *arguments]


@pytest.mark.long
def test_everything_arrives_as_it_is_at_the_source(sandbox: Sandbox, files: Path) -> None:
    done = subprocess.run(command(files), capture_output=True, text=True, check=True)
    target = Target().read(done.stdout)
    names = choose()  # what is synced without a catalog
    assert {name: target.disagreements(sandbox.workspace, name)[:3] for name in names} == {
        name: [] for name in names
    }
    assert "currently_syncing" not in target.states[-1]
    assert "METRIC" in done.stderr
    assert sandbox.token not in done.stdout + done.stderr


@pytest.mark.long
def test_a_second_sync_brings_what_changed(sandbox: Sandbox, run: Run) -> None:
    target = Target().read(run())
    before = dict(target.counts)
    sandbox.workspace.clock.advance(3600)
    sandbox.workspace.change(4)
    sandbox.reset_log()
    target.read(run(state=target.states[-1]))
    for name in ("contacts", "conversations", "conversation_parts"):
        assert 0 < target.counts[name] - before[name] < before[name] / 2
    assert sandbox.count("/conversations/") < 30, "only changed conversations are asked for"
    for name in ("conversations", "conversation_parts", "companies", "tags", "teams", "admins"):
        assert target.disagreements(sandbox.workspace, name) == []


def test_what_is_gone_goes_from_full_tables(sandbox: Sandbox, run: Run) -> None:
    target = Target().read(run(catalog=only("tags")))
    sandbox.workspace.delete("tags", next(iter(sandbox.workspace.tags)))
    target.read(run(catalog=only("tags")))
    assert target.disagreements(sandbox.workspace, "tags") == []


def test_an_empty_answer_empties_no_table(sandbox: Sandbox, run: Run) -> None:
    target = Target().read(run(catalog=only("tags")))
    for tag in list(sandbox.workspace.tags):
        sandbox.workspace.delete("tags", tag)
    target.read(run(catalog=only("tags")))
    assert target.tables["tags"]


@pytest.mark.long
def test_children_are_synced_when_only_they_are_selected(sandbox: Sandbox, run: Run) -> None:
    target = Target().read(run(catalog=only("conversation_parts")))
    assert list(target.tables) == ["conversation_parts"]
    assert target.disagreements(sandbox.workspace, "conversation_parts") == []


def test_fields_are_left_out_as_the_catalog_says(run: Run) -> None:
    catalog = only("contacts", without=("email", "id", "updated_at"))
    target = Target().read(run(catalog=catalog))
    assert "email" not in target.schemas["contacts"]
    assert all("email" not in record for record in target.tables["contacts"].values())
    assert {"id", "updated_at", "name"} <= set(target.schemas["contacts"])


def test_unknown_fields_and_other_types_are_announced(sandbox: Sandbox, run: Run) -> None:
    first, second, third = list(sandbox.workspace.contacts)[:3]
    sandbox.workspace.update("contacts", first, brand_new={"a": 2**70})
    sandbox.workspace.update("contacts", second, brand_new=[1.5], has_hard_bounced="perhaps")
    sandbox.workspace.update("contacts", third, brand_new="text", last_seen_at="some day")
    target = Target().read(run(catalog=only("contacts")))
    assert target.schema_messages["contacts"] > 1
    assert target.tables["contacts"][(first,)]["brand_new"] == {"a": 2**70}
    assert target.tables["contacts"][(third,)]["last_seen_at"] == "some day"
    assert "format" not in target.schemas["contacts"]["last_seen_at"]
    assert set(target.schemas["contacts"]["brand_new"]["type"]) == {
        "null",
        "object",
        "array",
        "string",
    }


@pytest.mark.parametrize("bookmark", ["iso", "seconds", "milliseconds", "bare iso"])
@pytest.mark.parametrize("stream", ["contacts", "conversation_parts"])
def test_states_of_other_taps_are_understood(
    sandbox: Sandbox, run: Run, stream: str, bookmark: str
) -> None:
    records = sorted(
        getattr(sandbox.workspace, stream.replace("_parts", "s")).values(),
        key=lambda record: record["updated_at"],
    )
    moment = records[-5]["updated_at"]
    forms = {"iso": to_iso(moment), "seconds": moment, "milliseconds": moment * 1000}
    value = forms[bookmark.removeprefix("bare ")]
    state = {"bookmarks": {stream: value if "bare" in bookmark else {"updated_at": value}}}
    target = Target().read(run(catalog=only(stream), state=state))
    owners = {
        record.get("conversation_id", record["id"]) for record in target.tables[stream].values()
    }
    newest = {record["id"] for record in records[-5:]}
    with_parts = {id for id in newest if stream == "contacts" or sandbox.workspace.parts[id]}
    assert with_parts <= owners
    assert len(owners) < len(records)


def test_a_bookmark_that_is_no_date_is_named(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    run(code=1, state={"bookmarks": {"contacts": {"updated_at": "soon"}}}, catalog=only("contacts"))
    assert "contacts is 'soon'" in caplog.text


def test_a_bookmark_that_was_set_back_by_hand_counts(sandbox: Sandbox, run: Run) -> None:
    target = Target().read(run(catalog=only("conversations")))
    state = target.states[-1]
    state["bookmarks"]["conversations"]["updated_at"] = "2001-01-01T00:00:00Z"
    again = Target().read(run(catalog=only("conversations"), state=state))
    assert again.disagreements(sandbox.workspace, "conversations") == []


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_sync_goes_on_from_its_last_state(
    sandbox: Sandbox, files: Path, run: Run, stop: signal.Signals
) -> None:
    config = json.loads((files / "config.json").read_text())
    write(files / "config.json", {**config, "page_size": 5, "max_concurrency": 1})
    catalog = write(files / "some.json", only("conversations", "conversation_parts"))
    # The last conversations answer so late that the sync dies while it waits for them.
    sandbox.faults.append(Fault("stall", match=r"/conversations/\d", after=15))
    asked, stalled = count(1), threading.Event()

    def watch(request: RequestLog) -> None:
        is_thread = request.method == "GET" and request.path.startswith("/conversations/")
        if is_thread and next(asked) > 15:
            stalled.set()

    sandbox.on_request = watch
    with (files / "output").open("w") as output:
        process = subprocess.Popen(
            command(files, "--catalog", str(catalog)),
            stdout=output,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            # Dagster gives a process's SIGTERM the fate of SIGINT, ignored in a background job.
            preexec_fn=partial(signal.signal, signal.SIGTERM, signal.SIG_DFL),
        )
        assert stalled.wait(60)
        process.send_signal(stop)
        process.wait()
    sandbox.faults.clear()
    lines = (files / "output").read_text().splitlines(keepends=True)
    target = Target().read("".join(line for line in lines if line.endswith("\n")))
    state = target.states[-1]
    assert state["currently_syncing"] == "conversation_parts"
    target.read(run(state=state, catalog=json.loads(catalog.read_text())))
    for name in ("conversations", "conversation_parts"):
        assert target.disagreements(sandbox.workspace, name) == []


def test_a_lacking_permission_leaves_out_one_stream(
    sandbox: Sandbox, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.missing_scopes = {"/tags": 403}
    target = Target().read(run(code=1, catalog=only("tags", "teams", "segments")))
    assert target.disagreements(sandbox.workspace, "teams") == []
    assert target.disagreements(sandbox.workspace, "segments") == []
    assert "left out" in caplog.text and "tags" in caplog.text


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"acess_token": "x"}, "unknown setting acess_token"),
        ({"access_token": "x", "region": "mars"}, "region is 'mars'"),
        ({"access_token": "x", "start_date": "soon"}, "start_date is 'soon'"),
        ({}, "access_token is missing"),
        ([], "must be a JSON object"),
    ],
)
def test_a_wrong_configuration_is_named(
    files: Path, caplog: pytest.LogCaptureFixture, config: Any, told: str
) -> None:
    path = write(files / "wrong.json", config)
    assert tap.main(["--config", str(path)]) == 1
    assert told in caplog.text


def test_files_that_cannot_be_read_are_named(
    files: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    assert tap.main(["--config", str(files / "none.json")]) == 1
    (files / "broken.json").write_text('{"access_token": "secret-tok')
    assert tap.main(["--config", str(files / "broken.json")]) == 1
    run(code=1, catalog={"streams": "all"})
    run(code=1, catalog={"streams": [{"tap_stream_id": "news", "selected": True}]})
    for told in ("none.json", "it is no JSON", "no list of streams", "'news'"):
        assert told in caplog.text
    assert "secret-tok" not in caplog.text


@pytest.mark.long
def test_settings_that_are_absent_come_from_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTERCOM_ACCESS_TOKEN", sandbox.token)
    monkeypatch.setenv("INTERCOM_BASE_URL", sandbox.url)
    assert tap.main([]) == 0
    target = Target().read(capsys.readouterr().out)
    assert target.disagreements(sandbox.workspace, "admins") == []


def test_discovery_says_all_that_singer_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert tap.main(["--discover"]) == 0
    catalog = json.loads(capsys.readouterr().out)
    assert [entry["tap_stream_id"] for entry in catalog["streams"]] == list(STREAMS)
    for entry in catalog["streams"]:
        stream = STREAMS[entry["tap_stream_id"]]
        found = {tuple(each["breadcrumb"]): each["metadata"] for each in entry["metadata"]}
        assert found[()]["table-key-properties"] == stream.unique_key()
        assert found[()]["forced-replication-method"] == stream.replication_method
        assert found[()]["valid-replication-keys"] == stream.valid_replication_keys
        assert found[()].get("parent-tap-stream-id") == (
            stream.parent.tap_stream_id if stream.parent else None
        )
        automatic = {*stream.unique_key(), *stream.valid_replication_keys}
        for name, kind in entry["schema"]["properties"].items():
            assert kind["description"]
            assert "null" in kind["type"]
            inclusion = found[("properties", name)]["inclusion"]
            assert inclusion == ("automatic" if name in automatic else "available")


def test_it_tells_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert tap.main(["--about"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert {"access_token", "start_date", "region", "lookback"} <= set(
        about["settings"]["properties"]
    )
    with pytest.raises(SystemExit) as ended:
        tap.main(["--version"])
    assert ended.value.code == 0
    assert "tap-intercom-assets" in capsys.readouterr().out


def test_a_target_that_dies_ends_the_sync(files: Path) -> None:
    process = subprocess.Popen(
        command(files), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    log = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert "stopped reading" in log
    assert "Traceback" not in log


def wrapped(form: str, bookmarks: Any) -> dict[str, Any]:
    """Bookmarks in a form that orchestrators and other taps write."""
    inside = {"bookmarks": bookmarks}
    older = {"bookmarks": {"contacts": {"updated_at": "2001-01-01T00:00:00Z"}}}
    forms: dict[str, dict[str, Any]] = {
        "a message": {"type": "STATE", "value": inside},
        "its value": {"value": inside},
        "Meltano's file": {"singer_state": inside},
        "a completed job": {"completed": {"singer_state": inside}, "partial": {}},
        "a job and a part": {"completed": {"singer_state": older}, "partial": inside},
        "no bookmarks": bookmarks,
    }
    return forms[form]


@pytest.mark.parametrize("entry", ["own", "sdk"])
@pytest.mark.parametrize(
    "form",
    [
        "a message",
        "its value",
        "Meltano's file",
        "a completed job",
        "a job and a part",
        "no bookmarks",
    ],
)
def test_states_that_orchestrators_write_are_understood(
    sandbox: Sandbox, run: Run, form: str, entry: str
) -> None:
    records = sorted(sandbox.workspace.contacts.values(), key=lambda contact: contact["updated_at"])
    value = to_iso(records[-5]["updated_at"])
    sdk = {"replication_key": "updated_at", "replication_key_value": value}
    state = wrapped(form, {"contacts": sdk if entry == "sdk" else {"updated_at": value}})
    target = Target().read(run(catalog=only("contacts"), state=state))
    found = {record["id"] for record in target.tables["contacts"].values()}
    assert {record["id"] for record in records[-5:]} <= found
    assert len(found) < len(records)
    assert set(target.states[-1]) == {"bookmarks"}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"contatcs": {"updated_at": "2024-01-01"}}, "contatcs is nothing that is known"),
        ({"bookmarks": {"contacts": {"updated": "2024-01-01"}}}, "has updated, and no updated_at"),
        ({"bookmarks": {"contacts": {"partitions": []}}}, "has partitions"),
        (
            {"bookmarks": {"contacts": {"replication_key": "x", "replication_key_value": "2024"}}},
            "has replication_key, replication_key_value",
        ),
        ({"bookmarks": ["contacts"]}, "must be an object, by stream"),
        ({"singer_state": "none"}, "must be a JSON object"),
    ],
)
def test_a_state_that_is_not_understood_is_refused(
    sandbox: Sandbox, run: Run, caplog: pytest.LogCaptureFixture, state: dict[str, Any], said: str
) -> None:
    run(code=1, state=state, catalog=only("contacts"))
    assert said in caplog.text
    assert sandbox.count("/contacts/search") == 0


@pytest.mark.parametrize("state", [{}, {"bookmarks": None}, {"completed": {}}, {"value": None}])
def test_a_state_of_nothing_reads_all_history(
    sandbox: Sandbox, run: Run, state: dict[str, Any]
) -> None:
    target = Target().read(run(catalog=only("contacts"), state=state))
    assert target.disagreements(sandbox.workspace, "contacts") == []
