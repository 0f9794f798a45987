"""Personal data that is not wanted: it lands nowhere, not even on the way."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from intercom_assets.client.errors import ConfigError
from intercom_assets.resources import IntercomResource
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets.streams.privacy import Privacy
from intercom_assets_tests.conftest import Project

SALT = "a long random text"


def digest(text: str) -> str:
    return hmac.new(SALT.encode(), text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.long
def test_dropped_and_hashed_fields_are_nowhere_in_the_database(
    sandbox: Sandbox, project: Project, tmp_path: Path
) -> None:
    contact = next(iter(sandbox.workspace.contacts))
    secrets = ["Drop-Me-Phone-77", "hash.me.77@example.org"]
    sandbox.workspace.update("contacts", contact, phone=secrets[0], email=secrets[1])
    project.settings.update(
        drop_fields={"contacts": ["phone"]}, hash_fields={"contacts": ["email"]}, hash_salt=SALT
    )
    project.io_manager["preview"] = "shown"
    project.run("contacts")
    columns = [row[0] for row in project.query("describe intercom.contacts")]
    assert "phone" not in columns and "name" in columns
    landed = project.query("select email from intercom.contacts where id = ?", contact)
    assert landed == [(digest(secrets[1]),)]
    told = project.metadata("contacts")
    assert told["intercom/dropped_fields"] == ["phone"]
    assert told["intercom/hashed_fields"] == ["email"]
    # In no file: neither database and write-ahead log, nor Dagster's events and logs.
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        content = file.read_bytes()
        assert not [word for word in (*secrets, SALT) if word.encode() in content], file


def test_paths_reach_into_json_and_lists(project: Project) -> None:
    project.settings.update(
        drop_fields={"conversations": ["source.body", "source.author.name"]},
        hash_fields={"conversations": ["source.author.email", "contacts.external_id"]},
        hash_salt=SALT,
    )
    project.run("conversations")
    held = project.sandbox.workspace.conversations
    for id, source, contacts in project.query(
        "select id, source, contacts from intercom.conversations"
    ):
        was, now = held[id]["source"], json.loads(source)
        assert now.keys() == was.keys() - {"body"}
        assert now["author"].keys() == was["author"].keys() - {"name"}
        email = was["author"].get("email")
        assert now["author"].get("email") == (digest(email) if email is not None else None)
        for now_one, was_one in zip(
            json.loads(contacts), held[id]["contacts"]["contacts"], strict=True
        ):
            external = was_one["external_id"]
            assert now_one["external_id"] == (digest(external) if external else external)
            assert now_one["id"] == was_one["id"]


@pytest.mark.long
def test_without_bodies_nothing_that_people_wrote_lands(project: Project) -> None:
    project.settings["drop_bodies"] = True
    project.run("conversations", "conversation_parts")
    columns = {row[0] for row in project.query("describe intercom.conversation_parts")}
    assert not columns & {"body", "translations"}
    assert "title" not in {row[0] for row in project.query("describe intercom.conversations")}
    (written,) = project.query(
        "select count(*) from intercom.conversations where (source->'body') is not null "
        "or (source->'subject') is not null or (conversation_rating->'remark') is not null"
    )
    assert written == (0,)


@pytest.mark.long
def test_what_landed_before_goes_with_a_full_refresh(project: Project) -> None:
    project.run("contacts")
    assert project.query("select count(email) from intercom.contacts") != [(0,)]
    project.settings["drop_fields"] = {"contacts": ["email"]}
    project.run("contacts", full_refresh=True)
    assert project.query("select count(email) from intercom.contacts") == [(0,)]


def test_the_given_record_is_left_alone_and_envelopes_are_gone_through() -> None:
    privacy = Privacy(drop={"contacts": ["notes.body", "avatar.image_url"]})
    redaction = privacy.of(STREAMS["contacts"])
    notes = {"type": "list", "data": [{"id": 1, "body": "x"}], "has_more": True, "total_count": 12}
    record: dict[str, Any] = {"id": "1", "notes": notes, "avatar": None}
    before = json.dumps(record)
    assert redaction.record(record)["notes"] == {**notes, "data": [{"id": 1}]}
    assert redaction.record({"id": "1", "notes": [{"body": "x"}]})["notes"] == [{}]
    assert json.dumps(record) == before


def test_other_streams_and_no_rules_change_nothing(project: Project) -> None:
    project.settings["drop_fields"] = {"contacts": ["phone"]}
    project.run("tags")
    assert project.differences("tags") == {}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"drop_fields": {"contacts": ["id"]}}, "contacts.id identifies the rows"),
        ({"hash_fields": {"contacts": ["updated_at"]}}, "contacts.updated_at identifies"),
        ({"drop_fields": {"company_attributes": ["full_name"]}}, "full_name identifies"),
        ({"drop_fields": {"conversation_parts": ["conversation_id"]}}, "conversation_id identif"),
        ({"drop_fields": {"contact": ["email"]}}, "no stream 'contact'"),
        ({"drop_fields": {"contacts": ["e-mail"]}}, "did you mean 'email'"),
        ({"drop_fields": {"conversations": ["source..body"]}}, "is no field"),
    ],
)
def test_what_cannot_be_left_out_is_told_when_definitions_load(
    settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        IntercomResource(access_token=dg.EnvVar("INTERCOM_ACCESS_TOKEN"), **settings)


def test_hashes_need_a_salt_which_shows_nowhere(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"contacts": ["email"]}
    resource = IntercomResource(access_token="t", base_url=sandbox.url, hash_fields=fields)
    with pytest.raises(ConfigError, match="INTERCOM_HASH_SALT"):
        resource.privacy()
    monkeypatch.setenv("INTERCOM_HASH_SALT", SALT)
    privacy = resource.privacy()
    assert privacy.of(STREAMS["contacts"]).record({"email": "a@b.c"}) == {"email": digest("a@b.c")}
    given = IntercomResource(access_token="t", hash_fields=fields, hash_salt=SALT)
    assert SALT not in repr(privacy) + repr(given) + repr(privacy.of(STREAMS["contacts"]))
