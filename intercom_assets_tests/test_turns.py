"""Where runs wait for each other has a name, which no two machines have in common."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from intercom_assets.warehouse import turns
from intercom_assets.warehouse.errors import StreamHeld
from intercom_assets.warehouse.lease import Turn

DATABASE, STREAM = "ducklake:postgres:dbname=lake", "intercom.tags"
Enter = Callable[..., Turn]
# Takes a turn, tells where, and then only waits to be killed.
RUN = f"""
import time
from intercom_assets.warehouse.turns import turn
with turn({DATABASE!r}, {STREAM!r}, "run 1", 60, print) as mine:
    print(mine.holder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Enter:
    """A run's turn on a machine, of which all have one host name."""
    monkeypatch.setattr("socket.gethostname", lambda: "intercom")

    def turn_of(machine: Path, stream: str = STREAM) -> Turn:
        machine.mkdir(exist_ok=True)
        monkeypatch.setattr(tempfile, "tempdir", str(machine))
        with turns.turn(DATABASE, stream, "run", 60, print) as mine:
            return mine

    return turn_of


def look(mine: Turn, other: Turn) -> None:
    """Finds a lease that has not run out."""
    mine.check("the other run", other.holder, "12:00", True)


def test_machines_of_one_host_name_leave_each_other_their_leases(
    enter: Enter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = tmp_path / "machine"
    first, other = enter(machine), enter(tmp_path / "other")
    with pytest.raises(StreamHeld, match=r"the other run \(intercom:"):
        look(other, first)
    look(enter(machine), first)
    assert enter(machine, "intercom.teams").holder != first.holder
    # Nor is a machine whose disk is a copy the same one.
    copied, boot = tmp_path / "copied", tmp_path / "boot_id"
    shutil.copytree(machine, copied)
    boot.write_text("another boot\n")
    monkeypatch.setattr(turns, "BOOT_ID", boot)
    shutil.rmtree(machine)
    copied.rename(machine)
    with pytest.raises(StreamHeld):
        look(enter(machine), first)


def test_a_system_that_does_not_tell_its_boots_has_names_all_the_same(
    enter: Enter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "BOOT_ID", tmp_path / "none")
    first = enter(tmp_path / "machine")
    look(enter(tmp_path / "machine"), first)
    with pytest.raises(StreamHeld):
        look(enter(tmp_path / "other"), first)


def test_the_lease_of_a_killed_process_is_known_at_once(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    def killed() -> str:
        command = [sys.executable, "-c", RUN]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env=environment, text=True
        ) as process:
            assert process.stdout is not None
            holder = process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        return holder

    assert killed() == killed() != ""


def test_those_who_come_first_agree_and_one_killed_over_it_is_no_hindrance(tmp_path: Path) -> None:
    for n in range(20):
        folder = tmp_path / str(n)
        folder.mkdir()
        if n % 2:
            (folder / f"{turns._boot()}.place").touch()
        with ThreadPoolExecutor(8) as pool:
            [name] = set(pool.map(turns._place, [folder] * 8))
        assert len(name) == 32
