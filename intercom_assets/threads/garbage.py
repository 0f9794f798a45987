"""The garbage collector's rounds, which decoded JSON makes long and in vain."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# New objects between two rounds; Python's own number is some hundreds.
RARELY = 100_000

_lock = threading.Lock()
_users: list[tuple[int, int, int]] = []


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Spares the rounds over decoded JSON, a fifth of the time, as long as anybody asks for it.

    JSON holds no cycles: its memory is freed without them. What does is left to `collect_recent`.
    """
    with _lock:
        _users.append(_users[0] if _users else gc.get_threshold())
        gc.set_threshold(RARELY, *_users[0][1:])
    try:
        yield
    finally:
        with _lock:
            before = _users.pop()
            if not _users:
                gc.set_threshold(*before)


def collect_recent() -> None:
    """Frees the cycles among what was made since the last round; takes up to 50 ms.

    An error that Dagster's event storage meets and handles, as SQLite's does with each event of an
    asset, is such a cycle. It holds on to the frames that led to it, and these to a commit's rows.
    """
    gc.collect(1)
