"""Who may write a stream, told in the warehouse itself, so that all machines know of it.

A lease spares two runs from reading the same things. It goes by clocks, which may be wrong: that
runs cannot mix their writes is up to the claim, whose owner and generation each commit compares.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import duckdb

from intercom_assets.warehouse.errors import StreamHeld, WarehouseError

# Four beats may be missed, or two clocks differ by so much.
LEASE_SECONDS = 120.0
BEAT_SECONDS = 30.0
SAY_AGAIN_SECONDS = 60.0
# Somebody else's lease is looked at once in so many seconds: each look is a transaction.
LOOK_SECONDS = 2.0


class Turn:
    """A run's turn at a stream, on its machine.

    Args:
        holder: The place where runs of this machine wait for it. Who finds a lease of its own place
            knows that its run is over, for otherwise it would still be waiting.
        patience: Seconds after which it goes on whoever has a lease.
        say: Takes a line for the log.
    """

    def __init__(self, holder: str, patience: float, say: Callable[[str], None]) -> None:
        self.holder = holder
        self._patience = patience
        self._say = say
        self._began: float | None = None
        self._said = 0.0
        # What the lease looked like, and since when.
        self._seen: tuple[object, float] = (None, 0.0)

    def check(self, owner: str, holder: str | None, beat: str | None, is_valid: bool) -> None:
        """Looks at a lease.

        Args:
            owner: The run that has it.
            holder: Where that run has its turn.
            beat: When it last showed that it lives.
            is_valid: Whether the lease has not run out, by this machine's clock.

        Raises:
            StreamHeld: When it is to be waited for.
        """
        now = time.monotonic()
        if (owner, beat) != self._seen[0]:
            self._seen = ((owner, beat), now)
        # The owner's clock may be far ahead: what shows no sign of life here is dead.
        is_silent = now - self._seen[1] > LEASE_SECONDS
        if is_valid and holder != self.holder and not is_silent and not self._is_over(now, owner):
            raise StreamHeld(f"run {owner} ({holder}) is writing it")

    def wait(self, stream: str, held: StreamHeld) -> None:
        """Waits for a while, and says for whom."""
        now = time.monotonic()
        self._began = self._began or now
        if now - self._said > SAY_AGAIN_SECONDS:
            self._say(f"{stream}: waiting: {held}")
            self._said = now
        time.sleep(min(LOOK_SECONDS, self._patience))

    def _is_over(self, now: float, owner: str) -> bool:
        is_over = self._began is not None and now - self._began > self._patience
        if is_over:
            self._say(f"run {owner} has not finished in {self._patience:.0f} s; taking over")
        return is_over


@contextmanager
def beating(beat: Callable[[], None], every: float = BEAT_SECONDS) -> Iterator[None]:
    """Shows again and again that a run lives, from a thread, as long as the block lasts."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(every):
            # The next commit tells what is wrong, if that lasts.
            with suppress(duckdb.Error, WarehouseError):
                beat()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
