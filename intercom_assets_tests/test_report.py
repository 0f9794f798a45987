"""The report: one page, good to look at in a browser, that names nobody."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster_duckdb import DuckDBResource

from intercom_assets.cli import main
from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.report.asset import build_support_report
from intercom_assets.report.figures import Tile, figures_of
from intercom_assets.report.page import written
from intercom_assets.warehouse import Warehouse
from intercom_assets_tests.desk import desk, warehouse
from intercom_assets_tests.test_models import fill


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the models of the desk."""
    path = tmp_path_factory.mktemp("report") / "desk.duckdb"
    made = desk()
    made.conversations[0]["tags"]["tags"] = [{"id": "1", "name": "</script><b>VIP"}]
    fill(warehouse(path), made)
    return path


def tiles(store: Warehouse, first: date | None, last: date | None) -> dict[str, str]:
    figures = store.ask(lambda connection: figures_of(connection, "intercom_models", first, last))
    return {tile.title: written(tile, tile.value) for tile in figures.tiles}


@pytest.mark.long
def test_the_numbers_are_those_of_the_period(database: Path) -> None:
    store = warehouse(database)
    assert tiles(store, date(2024, 3, 4), date(2024, 3, 4)) == {
        "New conversations": "12",
        "First response, median": "1 min",
        "Time to close, median": "60 min",
        # 2, 6, 7, 8, 9, 10 and 12; 5 was closed and came back the next day.
        "Open at the end": "7",
        "CSAT": "100%",
        "Fin's resolution rate": "50%",
    }
    assert tiles(store, None, date(2024, 2, 1))["New conversations"] == "0"


@pytest.mark.parametrize(
    "kind, value, text",
    [
        ("count", 1234, "1,234"),
        ("share", 0.5, "50%"),
        ("share", None, "–"),
        ("duration", 30, "30 s"),
        ("duration", 7200, "2.0 h"),
        ("duration", 3 * 86_400, "3.0 days"),
    ],
)
def test_numbers_are_written_for_people(kind: str, value: float | None, text: str) -> None:
    assert written(Tile("", kind, value, None), value) == text


def test_without_models_it_says_what_to_do(tmp_path: Path) -> None:
    with warehouse(tmp_path / "empty.duckdb").connection():
        pass
    with pytest.raises(SystemExit, match="materialize them first"):
        main(["report", "--database", str(tmp_path / "empty.duckdb")])


@pytest.mark.slow
def test_the_asset_writes_the_page_and_shows_what_it_says(database: Path) -> None:
    pytest.importorskip("altair")
    report = build_support_report(
        [dg.AssetKey("volume_daily")], models_schema="intercom_models", io_manager_key="io"
    )
    store = IntercomDuckDBIOManager(duckdb=DuckDBResource(database=str(database)))
    config = {"ops": {"support_report": {"config": {"first": "2024-03-04", "last": "2024-03-04"}}}}
    with dg.instance_for_test() as instance:
        result = dg.materialize(
            [report], instance=instance, resources={"io": store}, run_config=config
        )
        (event,) = result.asset_materializations_for_node("support_report")
        told = {name: value.value for name, value in event.metadata.items()}
        page = Path(str(told["intercom/page"])).read_text("utf-8")
    assert told["intercom/period"] == "2024-03-04 to 2024-03-04"
    assert "| New conversations | 12 | 0 |" in str(told["intercom/figures"])
    assert "<h2>Busiest hours</h2>" in page


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
@pytest.mark.parametrize("width, scheme", [(1200, "light"), (1200, "dark"), (390, "light")])
def test_a_browser_shows_every_picture(
    width: int, scheme: str, database: Path, tmp_path: Path
) -> None:
    pytest.importorskip("altair")
    from playwright.sync_api import sync_playwright

    page_file = tmp_path / "report.html"
    main(["report", "--database", str(database), "--output", str(page_file)])
    assert "@" not in page_file.read_text("utf-8").split("const specs")[1]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        # Where it is a day earlier at midnight in London.
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            timezone_id="America/Los_Angeles",
        )
        problems: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        page.wait_for_function(
            "document.querySelectorAll('.chart svg').length === "
            "document.querySelectorAll('.chart').length"
        )
        assert problems == []
        assert asked == [page_file.as_uri()]
        assert page.locator(".chart svg").count() == 9
        assert page.evaluate("document.documentElement.scrollWidth") == width
        ink = page.evaluate("getComputedStyle(document.querySelector('.chart svg text')).fill")
        assert ink == ("rgb(230, 234, 240)" if scheme == "dark" else "rgb(28, 36, 48)")
        assert page.get_by_text("</script><b>VIP").count() == 1
        days = page.locator("#chart2 .role-axis-label text").all_text_contents()
        assert "4 Mar" in days and "3 Mar" not in days
        browser.close()
