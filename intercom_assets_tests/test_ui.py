"""What a user sees: Dagster's own UI in a real browser, against the sandbox."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests import ui

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ui.chromium() is None, reason="no chromium: apt-get install chromium"),
]


def test_materialize_by_mouse_and_read_what_the_page_tells(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    with ui.dagster_dev(sandbox, tmp_path) as url, ui.browser_page() as page:
        ui.materialize(page, url, "contacts")
        with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
            rows = connection.sql("select count(*) from warehouse.intercom.contacts").fetchall()
        assert rows == [(len(sandbox.workspace.contacts),)]

        def told(key: str) -> str:
            row = page.get_by_role("row").filter(has=page.get_by_text(key, exact=True))
            return row.first.inner_text().split("\n", 1)[-1].strip()

        for key in ("dagster/row_count", "intercom/records", "intercom/inserted"):
            assert told(key) == str(len(sandbox.workspace.contacts))
        assert told("intercom/bookmark").endswith("Z")
        assert told("dagster/table_name") == "intercom.contacts"
        assert page.locator("a[href^='https://developers.intercom.com/']").first.is_visible()
        text = page.locator("body").inner_text()
        assert sandbox.token not in text
        emails = [contact["email"] for contact in sandbox.workspace.contacts.values()]
        assert not [email for email in emails if email and email in text]
        ui.open_chart(page)
