"""What holds of the throw-away streams, once they are declared: run in the copy that has them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from intercom_assets.erasure import erase
from intercom_assets.sandbox import Sandbox
from intercom_assets.singer import tap
from intercom_assets.singer.catalog import discover, select
from intercom_assets.streams.selection import choose
from intercom_assets_tests.conftest import Project, client_of
from intercom_assets_tests.sandbox_api import Api, code, updated
from intercom_assets_tests.singer_output import Target
from intercom_assets_tests.warehouses import warehouse_of

NEW = ("surveys", "survey_answers")


def test_they_land_and_later_on_what_changed(
    sandbox: Sandbox, make_project: Callable[..., Project]
) -> None:
    # Several pages of a search.
    project = make_project(sandbox, page_size=7)
    assert set(NEW) <= set(choose("support"))
    project.run(*NEW)
    assert project.differences(*NEW) == {}
    assert [project.metadata(name)["intercom/inserted"] > 0 for name in NEW] == [True, True]

    sandbox.workspace.clock.advance(600)
    changed = sandbox.workspace.change(3)
    sandbox.reset_log()
    project.run(*NEW)
    assert project.differences(*NEW) == {}
    told = project.metadata("surveys")
    # One changed, two are new, and one was answered.
    assert (changed["surveys"], told["intercom/inserted"]) == (3, 2)
    assert told["intercom/updated"] in (1, 2)
    assert sandbox.count("/surveys/search") == 1


def test_the_tap_gives_them(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    catalog = discover()
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = entry["tap_stream_id"] in NEW
    tap.sync(client_of(sandbox, page_size=7), select(catalog), {}, {})
    target = Target().read(capsys.readouterr().out)
    assert {name: target.disagreements(sandbox.workspace, name) for name in NEW} == {
        name: [] for name in NEW
    }


def test_they_go_with_their_contact(sandbox: Sandbox, project: Project) -> None:
    project.run(*NEW)
    survey = next(
        survey
        for survey in sandbox.workspace.records("surveys")
        if sandbox.workspace.children["survey_answers"][survey["id"]]
    )
    database = project.database
    erased = erase(warehouse_of(database), str(database), survey["contact_id"], "erasure")
    assert set(erased.removed) == set(NEW)
    assert not project.query("from intercom.survey_answers where survey_id = ?", survey["id"])


def test_they_are_searched_by_what_they_declare(sandbox: Sandbox) -> None:
    surveys = {survey["id"]: survey for survey in sandbox.workspace.records("surveys")}
    middle = sorted(survey["updated_at"] for survey in surveys.values())[20]
    later = [id for id, survey in surveys.items() if survey["updated_at"] > middle]
    closed = [id for id, survey in surveys.items() if survey["state"] == "closed"]
    with Api(sandbox) as api:
        found = api.ids("surveys", updated(">", middle), per_page=4)
        assert found == sorted(later, key=lambda id: (surveys[id]["updated_at"], id))
        of_state = {"field": "state", "operator": "=", "value": "closed"}
        assert sorted(api.ids("surveys", of_state)) == sorted(closed)
        assert api.get("/surveys/95").json() == surveys["95"]
        assert code(api.get("/surveys")) == (404, "not_found")
        of_mood = {"field": "mood", "operator": "=", "value": "good"}
        assert code(api.search("surveys", of_mood)) == (400, "invalid_field")
