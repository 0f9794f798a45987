"""Dagster's UI on a sandbox, in a browser: for the test of it, and for the pictures in docs/images.

To take the pictures anew:  python -m intercom_assets_tests.ui
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

from intercom_assets.sandbox import Sandbox

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
SECONDS = 90
GROUPS = ("intercom", "relations", "models", "report")
# Assets of each group, few enough to be read in one picture.
LINEAGE = (
    "conversations conversation_parts conversation_tags conversation_ratings conversation_facts "
    "conversation_events response_times csat_ratings tag_daily support_report"
).split()


def chromium() -> str | None:
    """Where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def dagster_dev(sandbox: Sandbox, home: Path) -> Iterator[str]:
    """Webserver and daemon on the package's definitions; gives the address.

    The instance is the one that ships with the project, in a directory of its own.
    """
    config = (ROOT / "dagster.yaml").read_text().replace("base_dir: .dagster", f"base_dir: {home}")
    # Dagster greets newcomers with a dialog.
    (home / "dagster.yaml").write_text(config + "\nnux:\n  enabled: false\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "INTERCOM_ACCESS_TOKEN": sandbox.token,
        "INTERCOM_BASE_URL": sandbox.url,
        "INTERCOM_DUCKDB_PATH": str(home / "warehouse.duckdb"),
    }
    command = [sys.executable, "-m", "dagster", "dev", "-m", "intercom_assets.definitions"]
    command += ["-h", "127.0.0.1", "-p", str(port)]
    log = home / "dagster_dev.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            env=environ,
            cwd=home,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/server_info", server, log)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                # Its processes have been seen to wait for each other, which is not our matter.
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


@contextmanager
def browser_page(width: int = 1400, height: int = 900) -> Iterator[Page]:
    """A page of a headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(SECONDS * 1000)
            yield page
        finally:
            browser.close()


def materialize(page: Page, url: str, asset: str) -> None:
    """Clicks Materialize on an asset's page, and waits until its event is on it."""
    page.goto(f"{url}/assets/{asset}?view=events")
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_text("Materialized in run").first.wait_for()


def open_chart(page: Page) -> None:
    """Opens the chart among the metadata on an asset's page, and waits until it is drawn."""
    row = page.get_by_role("row").filter(has=page.get_by_text("intercom/chart", exact=True))
    row.get_by_text("Show Markdown").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('img[src^=\"data:image/png\"]')]"
        ".some(image => image.complete && image.naturalWidth > 0)"
    )


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError as problem:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text(errors="replace")[-4000:]) from problem
            time.sleep(0.2)


def take_pictures() -> None:
    """Materializes everything, and photographs graphs, a chart, checks and the report."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        Sandbox() as sandbox,
        tempfile.TemporaryDirectory() as home,
        dagster_dev(sandbox, Path(home)) as url,
        browser_page(height=1200) as page,
    ):
        page.goto(f"{url}/asset-groups")
        with page.expect_response(
            lambda answer: "mutation Launch" in (answer.request.post_data or "")
        ):
            page.get_by_role("button", name="Materialize all").click()
        # The report is the last of all.
        page.goto(f"{url}/assets/support_report?view=events")
        page.get_by_text("Materialized in run").first.wait_for(timeout=5 * SECONDS * 1000)
        _graphs(page, url)
        _asset(page, url)
        report = next(Path(home).rglob("support_report*/**/*.html"))
        page.set_viewport_size({"width": 1200, "height": 940})
        page.goto(report.as_uri())
        page.locator(".chart svg").last.wait_for()
        _photograph(page, "report")


def _graphs(page: Page, url: str) -> None:
    """All assets by group, and some of them from left to right."""
    # In a narrower window groups are drawn without the numbers of their assets.
    page.set_viewport_size({"width": 1700, "height": 640})
    page.goto(f"{url}/asset-groups")
    page.get_by_text("relations").last.wait_for()
    page.wait_for_timeout(5_000)  # until it is known how each group is
    _photograph(page, "graph")
    page.set_viewport_size({"width": 1700, "height": 1300})
    chosen = quote(" or ".join(f'key:"{name}"' for name in LINEAGE), safe="")
    groups = ",".join(
        f"global@global:{name}" for name in ("intercom", "relations", "models", "report")
    )
    page.goto(f"{url}/asset-groups~{chosen}/?expanded={quote(groups)}")
    page.get_by_text("support_report").last.wait_for()
    page.get_by_text("Hide navigation").click()
    _photograph(page, "lineage")


def _asset(page: Page, url: str) -> None:
    """What an asset's page tells: numbers, a chart, checks."""
    page.set_viewport_size({"width": 1400, "height": 1200})
    page.goto(f"{url}/assets/conversation_parts?view=events")
    page.get_by_text("intercom/records", exact=True).first.wait_for()
    _photograph(page, "asset")
    open_chart(page)
    _photograph(page, "chart")
    page.goto(f"{url}/assets/conversation_parts?view=checks")
    page.get_by_text("Target materialization").first.wait_for()
    _photograph(page, "checks")


def _photograph(page: Page, name: str) -> None:
    page.wait_for_function("() => !document.body.innerText.includes('Loading...')")
    page.wait_for_timeout(2_000)  # until what moves has come to rest
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    take_pictures()
