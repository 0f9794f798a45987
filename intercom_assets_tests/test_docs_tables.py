"""What README and docs say of streams is what the declarations say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from intercom_assets.streams import STREAMS
from intercom_assets_tests.tables import PAGES, ROOT, written

COMPARED = (ROOT / "docs" / "compared.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_up_to_date(page: Path) -> None:
    assert page.read_text("utf-8") == written(page), "python -m intercom_assets_tests.tables"


def test_every_stream_is_in_a_table() -> None:
    text = (ROOT / "docs" / "streams.md").read_text("utf-8")
    assert [name for name in STREAMS if f"| `{name}` |" not in text] == []


def test_fivetrans_tables_are_all_there_with_ours_or_a_reason() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", COMPARED.partition("## Airbyte")[0], re.MULTILINE)
    assert len(rows) == 53
    for theirs, ours in rows:
        named = re.match(r"`(\w+)", ours)
        assert ours.startswith(("relation `", "none: ")) or (named and named[1] in STREAMS), theirs
