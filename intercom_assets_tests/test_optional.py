"""Streams that a plan, a feature, a version or a scope lacks: told loudly, and no red run."""

from __future__ import annotations

import re
from collections.abc import Callable

import dagster as dg
import pytest

from intercom_assets.sandbox import Fault, Sandbox
from intercom_assets.singer import tap
from intercom_assets.singer.catalog import select
from intercom_assets.streams import STREAMS
from intercom_assets_tests.conftest import Project, client_of
from intercom_assets_tests.singer_output import Target

REFUSALS = {"no scope or plan": 403, "not paid for": 402, "no such collection": 404}


def readable(result: dg.ExecuteInProcessResult, stream: str) -> dg.AssetCheckEvaluation:
    found = {
        (check.asset_key.path[-1], check.check_name): check
        for check in result.get_asset_check_evaluations()
    }
    return found[stream, "readable"]


@pytest.mark.parametrize("refusal", list(REFUSALS))
def test_a_stream_that_is_lacking_leaves_the_run_green_and_says_what_to_do(
    sandbox: Sandbox, project: Project, refusal: str
) -> None:
    project.checks = True
    sandbox.faults.append(Fault("status", status=REFUSALS[refusal], match="/brands"))
    result = project.run("brands", "teams")
    assert result.success
    check = readable(result, "brands")
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert "INTERCOM_STREAMS" in str(check.description)
    assert not result.asset_materializations_for_node("brands")
    assert project.differences("teams") == {}


@pytest.mark.slow
@pytest.mark.parametrize("status", [403, 402])
def test_each_optional_stream_that_is_lacking_is_told_and_the_run_is_green(
    sandbox: Sandbox, project: Project, status: int
) -> None:
    # Without /me, which also is the stream workspace, nothing can be read at all.
    optional = [n for n, stream in STREAMS.items() if stream.optional and stream.path != "/me"]
    needed = {"contacts", "conversations", "calls", "articles", "teams"}
    project.settings["custom_object_types"] = "Order"
    project.run(*needed)
    project.checks = True
    for path in {STREAMS[name].path for name in optional}:
        match = re.sub(r"\{\w+\}", "[^/]+", path)
        sandbox.faults.append(Fault("status", status=status, match=f"^{match}([?]|$)"))
    result = project.run(*optional)
    assert result.success
    assert len(optional) > 40
    told = {
        check.asset_key.path[-1]: check
        for check in result.get_asset_check_evaluations()
        if check.check_name == "readable" and not check.passed
    }
    # Dagster skips what hangs on a stream that is lacking.
    skipped = {name for name in optional if getattr(STREAMS[name].parent, "optional", False)}
    assert set(optional) - skipped <= set(told) <= set(optional)
    for name in set(optional) - skipped:
        assert name in str(told[name].description)
        assert not result.asset_materializations_for_node(name)


def test_a_token_without_the_scope_is_told_from_a_bad_one(
    sandbox: Sandbox, project: Project
) -> None:
    project.checks = True
    sandbox.missing_scopes["/macros"] = 401
    assert not readable(project.run("macros"), "macros").passed
    project.settings["access_token"] = "wrong"
    assert not project.run("macros", raise_on_error=False).success


@pytest.mark.long
def test_what_was_stored_before_stays_and_comes_right_again(
    sandbox: Sandbox, project: Project
) -> None:
    project.checks = True
    assert readable(project.run("macros"), "macros").passed
    before, bookmark = project.query("from intercom.macros"), project.bookmark("macros")
    sandbox.missing_scopes["/macros"] = 403
    assert project.run("macros").success
    assert (project.query("from intercom.macros"), project.bookmark("macros")) == (before, bookmark)
    sandbox.missing_scopes.clear()
    assert readable(project.run("macros"), "macros").passed


def test_the_first_twelve_fail_as_before(sandbox: Sandbox, project: Project) -> None:
    sandbox.missing_scopes["/tags"] = 403
    assert not project.run("tags", raise_on_error=False).success


def test_what_is_nested_in_a_stream_that_is_lacking_is_lacking(
    sandbox: Sandbox, project: Project
) -> None:
    project.checks = True
    sandbox.missing_scopes["/ticket_types"] = 403
    result = project.run("ticket_types")
    assert result.success
    assert not readable(result, "ticket_types").passed
    assert not readable(result, "ticket_type_attributes").passed


def test_the_tap_leaves_an_optional_stream_out_and_ends_well(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.missing_scopes["/brands"] = 403
    wanted = [entry for entry in select(None) if entry.stream.tap_stream_id in ("brands", "teams")]
    assert tap.sync(client_of(sandbox), wanted, {}, {}) == []
    assert set(Target().read(capsys.readouterr().out).schemas) == {"teams", "brands"}
    assert "left out: brands" in caplog.text


def test_a_stream_asks_for_the_version_that_has_it(
    sandbox: Sandbox, make_project: Callable[..., Project]
) -> None:
    project = make_project(sandbox, api_version="2.10")
    project.run("brands", "macros", "teams")
    assert project.differences("brands", "macros", "teams") == {}


def test_a_version_that_has_it_not_is_told(
    sandbox: Sandbox, make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(STREAMS["brands"], "since", "2.14")
    project = make_project(sandbox, api_version="2.10")
    project.checks = True
    assert not readable(project.run("brands"), "brands").passed
