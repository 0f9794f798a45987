"""Who the token belongs to: asked once, for all threads and all copies of a client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from typing import Any

from intercom_assets.client.errors import RetriableError, UnusableAnswer
from intercom_assets.client.retries import MAX_TRIES

Body = dict[str, Any]


class Identity:
    """Keeps the answer to ``GET /me``.

    An outage is waited for once: whoever asks while another waits gets the other's error, and who
    comes later asks a single time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: Body | None = None
        self._asking: Future[Body] | None = None
        self._tries = MAX_TRIES

    def get(self, ask: Callable[[int], Body]) -> Body:
        """The answer, kept once it names a workspace.

        Args:
            ask: Asks, with so many tries.

        Raises:
            IntercomError: What asking raised, here or in the thread that asked.
        """
        with self._lock:
            if self._known is not None:
                return self._known
            asking = self._asking
            if asking is None:
                mine = self._asking = Future()
        if asking is None:
            return self._ask(ask, mine)
        try:
            return asking.result()
        except CancelledError:
            return self.get(ask)

    def _ask(self, ask: Callable[[int], Body], mine: Future[Body]) -> Body:
        try:
            body = ask(self._tries)
        except Exception as problem:
            self._settle(1 if isinstance(problem, RetriableError) else MAX_TRIES)
            mine.set_exception(problem)
            raise
        except BaseException:
            # A run was cancelled, which is nothing to the others.
            self._settle(self._tries)
            mine.cancel()
            raise
        self._settle(MAX_TRIES, body)
        mine.set_result(body)
        return body

    def _settle(self, tries: int, body: Body | None = None) -> None:
        with self._lock:
            self._asking, self._tries = None, tries
            if body is not None and workspace_of(body):
                self._known = body


def workspace_of(body: Mapping[str, Any]) -> str:
    """The workspace's ``id_code``, unique over all of Intercom; "" where it is not told."""
    app = body.get("app")
    return str(app.get("id_code") or "") if isinstance(app, Mapping) else ""


def naming_a_workspace(body: Body) -> Body:
    """The answer, if it names a workspace.

    Raises:
        UnusableAnswer: When it does not, as has been seen with ``"app": null``.
    """
    if not workspace_of(body):
        raise UnusableAnswer(
            "Intercom does not say which workspace the token belongs to, so nothing can be stored "
            "as its data; try again, or check the app in Intercom's Developer Hub",
            call="GET /me",
        )
    return body
