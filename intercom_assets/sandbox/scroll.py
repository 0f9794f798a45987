"""The one scroll over companies that a workspace may have open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

from intercom_assets.sandbox.calls import ApiError, not_found


@dataclass
class Scroll:
    """An open scroll: ids as they were at its start, and when it was used last."""

    param: str
    ids: Iterator[str]
    used_at: float


class Scrolls:
    """Opens scrolls, one at a time; used by the server's thread alone.

    Args:
        now: The clock, in seconds.
        expiry: Reads how many idle seconds a scroll survives.
    """

    def __init__(self, now: Callable[[], float], expiry: Callable[[], float]) -> None:
        self.now = now
        self.expiry = expiry
        self._open: Scroll | None = None

    def start(self, ids: list[str]) -> Scroll:
        """Opens a scroll.

        Raises:
            ApiError: scroll_exists, while another one is open.
        """
        if self._current():
            raise ApiError(400, "scroll_exists", "scroll already exists for this workspace")
        self._open = Scroll(str(uuid4()), iter(ids), self.now())
        return self._open

    def resume(self, param: str) -> Scroll:
        """Finds the open scroll, and keeps it alive.

        Raises:
            ApiError: not_found, when it expired, ended or never was.
        """
        scroll = self._current()
        if scroll is None or scroll.param != param:
            raise not_found("scroll parameter not found")
        scroll.used_at = self.now()
        return scroll

    def close(self) -> None:
        """Ends the open scroll; its parameter is dead from now on."""
        self._open = None

    def _current(self) -> Scroll | None:
        if self._open and self.now() - self._open.used_at >= self.expiry():
            self._open = None
        return self._open
