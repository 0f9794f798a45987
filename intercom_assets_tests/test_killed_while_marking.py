"""Runs that die by kill -9 while they mark what is gone: the next one ends with the right marks."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from intercom_assets.sandbox import Sandbox
from intercom_assets_tests.marks import ids, wrong_marks, wrong_versions
from intercom_assets_tests.processes import Forker, forker, job_of

pytestmark = pytest.mark.slow

FEED = "deleted_conversations"
TOLD = (FEED, "conversations", "conversation_parts", "contacts")
SWEPT = ("contacts", "companies", "conversations", "tickets", "articles")
ALL = (*SWEPT, "conversation_parts", "ticket_parts")
KEPT = ("contacts", "companies", "conversations", "tickets")


@pytest.fixture
def tiny() -> Iterator[Sandbox]:
    with Sandbox(
        contacts=9, companies=4, conversations=6, tickets=5, scroll_page_size=3, scroll_expiry=0.2
    ) as sandbox:
        for article in [str(each["id"]) for each in sandbox.workspace.records("articles")][5:]:
            sandbox.workspace.delete("articles", article)
        yield sandbox


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    with forker(tmp_path_factory.mktemp("runs")) as runs:
        yield runs


def die_at_each_boundary(
    runs: Forker, sandbox: Sandbox, folder: Path, job: dict[str, Any], check: Callable[[Path], None]
) -> int:
    """From one beginning, a run that dies at each boundary, and one that is left alone.

    Args:
        runs: Starts them.
        sandbox: The source.
        folder: Holds the beginning in `before`.
        job: What the run does, see `Job`.
        check: Looks at what there is after the second run.

    Returns:
        How many boundaries there are.
    """
    streams = job.pop("streams")
    boundary = 0
    while True:
        after = Path(shutil.copytree(folder / "before", folder / "after"))
        died = runs.run(job_of(sandbox, after, *streams, die_at=boundary, **job))
        assert died.signal == signal.SIGKILL or died.success, died.errors
        ended = runs.run(job_of(sandbox, after, *streams, **job))
        assert ended.success, f"after boundary {boundary}: {ended.errors}"
        check(after / "warehouse.duckdb")
        shutil.rmtree(after)
        if died.success:
            return boundary
        boundary += 1


def begin(
    runs: Forker, sandbox: Sandbox, folder: Path, *streams: str, **wanted: Any
) -> tuple[Path, Path]:
    """A first run; returns the folder of what it leaves, and the database in it."""
    before = folder / "before"
    before.mkdir()
    assert runs.run(job_of(sandbox, before, *streams, **wanted)).success
    return before, before / "warehouse.duckdb"


def settled(**settings: Any) -> dict[str, Any]:
    return {"commit_rows": 4, "settings": {"history": KEPT, **settings}}


@pytest.mark.parametrize("mode", ["mark", "remove"])
def test_killed_at_each_boundary_of_a_run_that_is_told_of_what_is_gone(
    runs: Forker, tiny: Sandbox, tmp_path: Path, mode: str
) -> None:
    """Two conversations were deleted, one of another run is back, and contacts were merged."""
    space, wanted = tiny.workspace, settled(on_delete=mode)
    before, database = begin(runs, tiny, tmp_path, *TOLD, **wanted)
    back, gone, late, *_ = list(space.conversations)
    users = [ident for ident, contact in space.contacts.items() if contact["role"] == "user"]
    space.clock.advance(60)
    space.delete("conversations", back)
    assert runs.run(job_of(tiny, before, *TOLD, **wanted)).success
    assert (back in ids(database, "conversations")) == (mode == "mark")
    space.clock.advance(7_200)
    space.restore("conversations", back, touch=True)
    space.change(2)
    for each in (gone, late):
        space.delete("conversations", each)
    for source, survivor in pairwise(users[:3]):
        space.merge_contacts(source, survivor)
    stored = {name: ids(database, name) for name in TOLD}

    def check(found: Path) -> None:
        assert wrong_marks(found, space, TOLD[1:], mode) == []
        for name in ("contacts", "conversations"):
            assert wrong_versions(found, name) == []
            kept = ids(found, name)
            assert stored[name] <= kept if mode == "mark" else not kept & {gone, late, *users[:2]}

    job = {"streams": TOLD, **wanted}
    assert die_at_each_boundary(runs, tiny, tmp_path, job, check) > 30


@pytest.mark.parametrize("mode", ["mark", "remove"])
def test_killed_at_each_boundary_of_a_sweep(
    runs: Forker, tiny: Sandbox, tmp_path: Path, mode: str
) -> None:
    """Of each kind one was deleted, and one that an earlier sweep had marked is back."""
    space, wanted = tiny.workspace, settled(on_delete=mode)
    config = {"sweep": True, "allow_shrink": True}
    before, database = begin(runs, tiny, tmp_path, *ALL, **wanted)
    gone = {name: [str(each["id"]) for each in space.records(name)][:2] for name in SWEPT}
    if mode == "mark":
        for name, (back, _) in gone.items():
            space.delete(name, back)
        assert runs.run(job_of(tiny, before, *SWEPT, config=config, **wanted)).success
        for name, (back, _) in gone.items():
            space.restore(name, back)
    for name, (_, each) in gone.items():
        space.delete(name, each)
    # What lost a record changed by that, which is no sweep's affair.
    assert runs.run(job_of(tiny, before, *ALL, **wanted)).success
    stored = {name: ids(database, name) for name in SWEPT}

    def check(found: Path) -> None:
        assert wrong_marks(found, space, ALL, mode) == []
        for name in SWEPT:
            kept = ids(found, name)
            assert kept == stored[name] if mode == "mark" else gone[name][1] not in kept
        for name in KEPT:
            assert wrong_versions(found, name) == []

    job = {"streams": SWEPT, "config": config, **wanted}
    assert die_at_each_boundary(runs, tiny, tmp_path, job, check) > 30
