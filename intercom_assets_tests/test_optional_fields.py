"""Fields that Intercom gives on demand: asked for by the settings, and given up where refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from intercom_assets.client.errors import ConfigError
from intercom_assets.client.settings import Settings
from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets_tests.conftest import Project, client_of

ASKED = {
    "admin_list": {"display_avatar"},
    "admins": {"display_avatar"},
    "contacts": {"include_merge_history"},
    "conversations": {"include_monitors", "include_scorecards"},
    "conversation_parts": {"include_translations"},
}
NAMES = {
    "avatars": "display_avatar",
    "merge_history": "include_merge_history",
    "monitors": "include_monitors",
    "scorecards": "include_scorecards",
    "translations": "include_translations",
}


def asked(sandbox: Sandbox, stream: str, **config: Any) -> set[str]:
    """The optional parameters with which all of a stream's own calls were made."""
    sandbox.reset_log()
    list(STREAMS[stream](client_of(sandbox, **config)).get_records())
    own = STREAMS[stream].path.replace("{id}", r"\d+")
    calls = [
        {name for name in request.query if name in NAMES.values() and request.query[name] == "true"}
        for request in sandbox.requests
        if re.fullmatch(own, request.path)
    ]
    assert calls and all(call == calls[0] for call in calls)
    return calls[0]


@pytest.mark.parametrize("stream", ASKED)
def test_what_costs_nothing_is_asked_for_by_default(sandbox: Sandbox, stream: str) -> None:
    free = ASKED[stream] - {"include_translations"}
    assert asked(sandbox, stream, page_size=5) == free


@pytest.mark.parametrize("stream", ASKED)
def test_the_setting_chooses(sandbox: Sandbox, stream: str) -> None:
    assert asked(sandbox, stream, optional_fields="all") == ASKED[stream]
    assert asked(sandbox, stream, optional_fields="none") == set()
    for name in NAMES:
        assert asked(sandbox, stream, optional_fields=[name]) == ASKED[stream] & {NAMES[name]}


@pytest.mark.long
@pytest.mark.parametrize("status", [403, 400])
def test_what_is_refused_is_asked_for_no_more(
    sandbox: Sandbox, project: Project, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    refused = "display_avatar|include_"
    sandbox.faults.append(Fault("status", match=refused, status=status))
    project.settings["optional_fields"] = ["avatars", "merge_history", "monitors", "translations"]
    streams = ("admin_list", "contacts", "conversations", "conversation_parts")
    assert project.run(*streams).success
    for name in streams:
        assert project.query(f"select count(*) from intercom.{name}")[0][0] > 0
    for name in ("display_avatar", "include_merge_history", "include_monitors"):
        assert f"{name} is not asked for any more" in caplog.text


def test_the_environment_names_optional_fields_with_commas() -> None:
    environ = {"INTERCOM_OPTIONAL_FIELDS": "Translations, avatars"}
    found = Settings.from_config({"access_token": "t"}, environ).optional_fields
    assert found == ("avatars", "translations")
    with pytest.raises(ConfigError, match="optional_fields has avatar: known are avatars, "):
        Settings(access_token="t", optional_fields=("avatar",))
