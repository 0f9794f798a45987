"""What a materialization tells: numbers, lineage, a link, a masked preview, a chart."""

from __future__ import annotations

import base64
import html
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import dagster as dg
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import num2date

from intercom_assets.assets import build_intercom_assets
from intercom_assets.observability.metadata import key_of
from intercom_assets.sandbox import Sandbox
from intercom_assets.streams import STREAMS
from intercom_assets_tests.conftest import CORE, SMALL, Project

PNG = b"\x89PNG\r\n\x1a\n"
COUNTS = ("records", "inserted", "updated", "unchanged", "deleted", "calls", "seconds")


def values_of(project: Project, stream: str) -> dict[str, dg.MetadataValue[Any]]:
    found = project.instance.fetch_materializations(dg.AssetKey(stream), limit=1).records
    event = found[0].asset_materialization
    assert event is not None
    return dict(event.metadata)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that everything was materialized in once, for tests that only look."""
    home = tmp_path_factory.mktemp("full")
    with Sandbox(**SMALL) as sandbox, dg.DagsterInstance.ephemeral(str(home)) as instance:
        project = Project(sandbox, home / "warehouse.duckdb", instance, {}, {"charts": True})
        project.run()
        yield project


@pytest.mark.long
def test_every_stream_tells_numbers_that_dagster_can_plot(full: Project) -> None:
    for stream in CORE:
        told = values_of(full, stream)
        numbers = ["dagster/row_count", *(f"intercom/{name}" for name in COUNTS)]
        if STREAMS[stream].replication_key:
            numbers.append("intercom/lag_seconds")
        for name in numbers:
            kinds = (dg.IntMetadataValue, dg.FloatMetadataValue)
            assert isinstance(told[name], kinds), (stream, name)
        assert told["dagster/table_name"].value == f"intercom.{stream}"
        assert isinstance(told["intercom/reference"], dg.UrlMetadataValue)
        assert isinstance(told["intercom/preview"], dg.MarkdownMetadataValue)
        # What happens seldom is told as none, so that a plot has no holes.
        for name in STREAMS[stream].counted:
            assert isinstance(told[key_of(name)], dg.IntMetadataValue)


def test_the_lag_is_the_age_of_the_bookmark(project: Project) -> None:
    project.run("contacts")
    assert 0 <= project.metadata("contacts")["intercom/lag_seconds"] < 120
    project.sandbox.workspace.update("contacts", next(iter(project.sandbox.workspace.contacts)))
    project.run("contacts")
    told = project.metadata("contacts")
    assert told["intercom/bookmark"] >= told["intercom/bookmark_before"] > "2000"


@pytest.mark.parametrize("stream", ["admins", "contacts", "conversations", "conversation_parts"])
def test_a_preview_holds_no_personal_data(full: Project, stream: str) -> None:
    preview = full.metadata(stream)["intercom/preview"]
    assert preview.count("\n") == 6, "a header and five rows"
    personal = {
        text
        for (row,) in full.query(f"select to_json(t) from intercom.{stream} t")
        for text in strings(json.loads(row), personal=False)
        if len(text) > 3
    }
    assert len(personal) > 10
    rows = preview.split("\n", 2)[2]
    assert not [text for text in personal if text in rows]


def strings(value: Any, *, personal: bool) -> list[str]:
    """All texts under a key that may hold something personal."""
    keys = ("name", "email", "phone", "body", "title", "avatar", "external_id", "subject")
    if isinstance(value, dict):
        return [
            text
            for key, item in value.items()
            for text in strings(item, personal=personal or any(word in key for word in keys))
        ]
    if isinstance(value, list):
        return [text for item in value for text in strings(item, personal=personal)]
    return [value] if personal and isinstance(value, str) else []


def test_a_preview_can_be_shown_or_left_out(project: Project) -> None:
    project.io_manager["preview"] = "shown"
    project.run("admin_list")
    shown = project.metadata("admin_list")["intercom/preview"]
    emails = [row[0] for row in project.query("select email from intercom.admin_list")]
    assert [email for email in emails if email in shown]
    project.io_manager["preview"] = "off"
    project.run("admin_list")
    assert "intercom/preview" not in project.metadata("admin_list")
    project.io_manager["preview"] = "half"
    with pytest.raises(ValueError, match="masked, shown, off"):
        project.resources()


@pytest.mark.long
def test_a_preview_says_first_what_changed_and_shows_none_of_it(
    sandbox: Sandbox, project: Project
) -> None:
    project.run("contacts", "tags")
    space = sandbox.workspace
    ids = list(space.contacts)
    space.update("contacts", ids[7], name="Quite Another", phone="+49301234567")
    new = space.create("contacts")["id"]
    space.update("tags", next(iter(space.tags)), name="renamed", touch=False)
    project.run("contacts", "tags")
    contacts, tags = (cells_of(project, stream) for stream in ("contacts", "tags"))
    assert contacts[0][:2] == ["id", "what changed"]
    told = [row[:2] for row in contacts[1:]]
    assert told[:2] == [[ids[7], "phone, name"], [new, "new"]] or told[:2] == [
        [ids[7], "name, phone"],
        [new, "new"],
    ]
    assert [said for _, said in told[2:]] == ["", "", ""]
    assert "Quite Another" not in str(contacts)
    assert [row[1] for row in tags[1:] if row[1]] == ["name"] and "renamed" in tags[1]
    project.run("contacts")
    assert "what changed" not in cells_of(project, "contacts")[0], "for nothing did"


def test_a_preview_fits_the_page_and_shows_columns_that_differ(full: Project) -> None:
    for stream in (
        "admins",
        "companies",
        "contacts",
        "conversations",
        "conversation_parts",
        "tags",
    ):
        rows = cells_of(full, stream)
        widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
        assert sum(widths) <= 72, (stream, rows[0])
    header = cells_of(full, "contacts")[0]
    assert "workspace_id" not in header and "id" in header


def cells_of(project: Project, stream: str) -> list[list[str]]:
    """The header and the rows of a preview, as text."""
    lines = project.metadata(stream)["intercom/preview"].splitlines()
    return [
        [html.unescape(cell.strip()) for cell in line.strip("|").split(" | ")]
        for n, line in enumerate(lines)
        if n != 1
    ]


def test_text_from_intercom_stays_text_in_a_preview(sandbox: Sandbox, project: Project) -> None:
    tag = next(iter(sandbox.workspace.tags))
    sandbox.workspace.update("tags", tag, name="a|b<img src=x>\n[x](y)", touch=False)
    for other in list(sandbox.workspace.tags)[1:]:
        del sandbox.workspace.tags[other]
    project.run("tags")
    preview = project.metadata("tags")["intercom/preview"]
    row = preview.splitlines()[2]
    assert row.count("|") == preview.splitlines()[0].count("|")
    assert "<" not in row and "[" not in row and "&#60;img src=x&#62;" in row


def test_charts_are_pictures(full: Project) -> None:
    for stream in ("conversations", "conversation_parts", "contacts"):
        chart = full.metadata(stream)["intercom/chart"]
        head, image = chart.removesuffix(")").split("base64,")
        assert head.endswith("](data:image/png;") and len(chart) < 60_000
        assert base64.b64decode(image).startswith(PNG)
    assert "intercom/chart" not in full.metadata("tags")


def test_a_chart_ends_today_however_long_nothing_has_come(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(FigureCanvasAgg, "print_png", lambda self, file: seen.append(self.figure))
    project.io_manager["charts"] = True
    project.run("contacts")
    sandbox.workspace.clock.advance(200 * 86_400)
    project.run("contacts")
    ends = [num2date(figure.axes[0].get_xlim()[1]) for figure in seen]
    now = datetime.fromtimestamp(sandbox.workspace.clock.now(), timezone.utc)
    assert [(end - now).days for end in ends] == [-200, 0]
    starts = {figure.axes[0].get_xlim()[0] for figure in seen}
    assert len(starts) == 1, "what came last is still to be seen"


@pytest.mark.parametrize("role", ["r" * 300, "a$b$c"])
def test_a_name_of_whatever_length_leaves_a_chart_its_picture(
    sandbox: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    newest = max(sandbox.workspace.contacts.values(), key=lambda each: int(each["created_at"]))
    newest["role"] = role
    seen: list[Any] = []
    monkeypatch.setattr(FigureCanvasAgg, "print_png", lambda self, file: seen.append(self.figure))
    project.io_manager["charts"] = True
    project.run("contacts")
    [figure] = seen
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any(name.startswith(role[0]) for name in named) and max(map(len, named)) <= 24
    assert figure.axes[0].get_position().width > 0.6


def test_no_matplotlib_is_no_failure(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as Python does for "not installed"
    project.io_manager["charts"] = True
    project.run("contacts")
    assert "intercom/chart" not in project.metadata("contacts")


def test_a_chart_of_a_column_that_is_not_there_is_left_out(project: Project) -> None:
    project.io_manager["charts"] = True
    project.settings["drop_fields"] = {"contacts": ["role"]}
    project.run("contacts")
    assert "intercom/chart" not in project.metadata("contacts")


@pytest.mark.long
@pytest.mark.parametrize("prefix", [(), ("europe", "support")])
def test_column_lineage_points_to_the_sibling(project: Project, prefix: tuple[str, ...]) -> None:
    assets = [
        asset.with_attributes(
            asset_key_replacements={key: key.with_prefix(list(prefix)) for key in all_keys()}
        )
        for asset in build_intercom_assets(
            ["admin_list", "admins", "conversations", "conversation_parts"]
        )
    ]
    result = dg.materialize(assets, instance=project.instance, resources=project.resources())
    lineage = {
        event.asset_key.path[-1]: event.metadata["dagster/column_lineage"].value.deps_by_column
        for event in (
            told.step_materialization_data.materialization
            for told in result.get_asset_materialization_events()
        )
        if "dagster/column_lineage" in event.metadata
    }
    conversations = dg.AssetKey([*prefix, "conversations"])
    admin_list = dg.AssetKey([*prefix, "admin_list"])
    assert lineage == {
        "admins": {"id": [dg.TableColumnDep(admin_list, "id")]},
        "conversation_parts": {
            "conversation_id": [dg.TableColumnDep(conversations, "id")],
            "conversation_created_at": [dg.TableColumnDep(conversations, "created_at")],
            "conversation_updated_at": [dg.TableColumnDep(conversations, "updated_at")],
        },
    }


def all_keys() -> list[dg.AssetKey]:
    return [dg.AssetKey(name) for name in CORE]
