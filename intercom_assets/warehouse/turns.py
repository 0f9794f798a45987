"""One run at a time of this machine writes a stream: the next one waits, and says for whom.

The lock belongs to the process and so ends with it, however it ends. Runs of other machines wait by
the lease. Both spare two runs from reading the same things; that they cannot mix their writes is up
to the claim, which holds everywhere.
"""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from intercom_assets.warehouse.lease import Turn
from intercom_assets.warehouse.location import located

POLL_SECONDS = 1.0
SAY_AGAIN_SECONDS = 60.0
# Linux draws it anew at each start of the machine; containers see that of theirs.
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def turn(
    database: str, stream: str, run_id: str, patience: float, say: Callable[[str], None]
) -> Iterator[Turn]:
    """Waits until no other process or thread of this machine writes the stream.

    Args:
        database: Where the database is, as everybody on this machine spells it.
        stream: Schema and table.
        run_id: This run, for others to name.
        patience: Seconds after which to go on all the same; the run that was waited for can then
            commit no more.
        say: Takes a line for the log.
    """
    path = lock_path(database, stream)
    lock, owner = FileLock(path), path.with_suffix(".owner")
    if _acquire(lock, owner, stream, patience, say):
        owner.write_text(f"run {run_id} (process {os.getpid()})")
    try:
        yield Turn(f"{socket.gethostname()}:{_place(path.parent)}:{path}", patience, say)
    finally:
        lock.release()


def _acquire(
    lock: FileLock, owner: Path, stream: str, patience: float, say: Callable[[str], None]
) -> bool:
    began = said = None
    while True:
        try:
            lock.acquire(timeout=0 if began is None else POLL_SECONDS)
            return True
        except Timeout:
            now = time.monotonic()
        began = began or now
        name = owner.read_text() if owner.exists() else "another run"
        if now - began > patience:
            say(f"{stream}: {name} has not finished in {patience:.0f} s; taking over")
            return False
        if said is None or now - said > SAY_AGAIN_SECONDS:
            say(f"{stream}: waiting for {name}, which is writing it")
            said = now


def _place(folder: Path) -> str:
    """What no other folder of locks is called, for machines may have a host name in common.

    It stands in the folder, as the locks do, so that it tells who waits at the same ones. Who meets
    a copy of the folder, in an image or on a cloned disk, does so after another start of a machine,
    and draws anew.
    """
    file = folder / f"{_boot()}.place"
    with FileLock(file.with_suffix(".lock")):
        # A process that was killed may have left it empty.
        if not (file.exists() and file.read_text()):
            file.write_text(uuid4().hex)
        return file.read_text()


def _boot() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return "any_boot"  # not Linux


def lock_path(database: str, what: str) -> Path:
    """Where a lock for something in a database is."""
    folder = Path(tempfile.gettempdir()) / f"intercom_assets-{_user()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = f"{located(database)}\n{what}"
    return folder / f"{hashlib.sha256(target.encode()).hexdigest()[:24]}.lock"


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"
