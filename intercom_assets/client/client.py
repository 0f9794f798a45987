"""HTTP to Intercom: one session, the rate limit, bounded retries, and errors that say what to do.

Knows no stream: it takes paths and gives decoded JSON.
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from intercom_assets.client import responses
from intercom_assets.client.addresses import address_of
from intercom_assets.client.clock import ServerClock
from intercom_assets.client.errors import (
    AuthenticationError,
    IntercomError,
    PermissionDenied,
    RateLimited,
    RetriableError,
    Unauthorized,
)
from intercom_assets.client.identity import Identity, naming_a_workspace, workspace_of
from intercom_assets.client.pacing import Pacer
from intercom_assets.client.retries import MAX_TRIES, retrying
from intercom_assets.client.settings import Settings, order_of
from intercom_assets.client.transport import Reply, Transport
from intercom_assets.client.waits import Waits
from intercom_assets.threads.overlap import wait_for_room

logger = logging.getLogger(__name__)
T = TypeVar("T")

# A quota that others use up can stay empty for long: about five minutes of ten-second windows.
MAX_RATE_LIMITED = 30


class Answer(NamedTuple):
    """A decoded answer.

    Attributes:
        body: The JSON object.
        size: Bytes of the body as it arrived, decompressed.
        at: Intercom's clock when it answered, in epoch seconds.
    """

    body: dict[str, Any]
    size: int
    at: int


class IntercomClient:
    """Reads from one Intercom workspace. Threads may share it.

    Args:
        config: See `Settings`; at least ``access_token``, here or in the environment.
        settings: Settings that were checked already, instead of a config.
        max_tries: Tries of one request, also where it is rate limited, for somebody in haste; by
            default as many as outlast a passing fault.

    Attributes:
        calls: How many requests it has sent.

    Raises:
        ConfigError: When a setting is missing or wrong.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        settings: Settings | None = None,
        max_tries: int | None = None,
    ) -> None:
        self.settings = settings or Settings.from_config(config or {})
        self._max_tries = max_tries or MAX_TRIES
        self._max_rate_limited = max_tries or MAX_RATE_LIMITED
        self.clock = ServerClock()
        self.pacer = Pacer(self.settings.max_concurrency, self.clock)
        self.calls = 0
        self._version: str | None = None
        self._transport = Transport(self.settings)
        # Shared by all clients of the workspace.
        self._identity = Identity()
        self._counting = threading.Lock()
        self._waits = Waits()

    def counting_anew(self) -> IntercomClient:
        """The same client, with the same connections and rate limit, for somebody else's calls."""
        other = copy.copy(self)
        other.calls = 0
        other._waits = Waits()
        return other

    def speaking(self, version: str) -> IntercomClient:
        """The same client, for calls that there are since an API version.

        Args:
            version: Asked for where the settings name an older one.
        """
        if order_of(self.settings.api_version) >= order_of(version):
            return self
        other = copy.copy(self)
        other._version = version
        return other

    def __repr__(self) -> str:
        return f"IntercomClient({self.settings.base_url!r})"

    def get(self, path: str, params: Mapping[str, Any] | None = None, **retry: int) -> Answer:
        """Answers a GET.

        Args:
            path: A path such as ``/admins``, or a URL on the configured host.
            params: Query parameters.
            **retry: ``tries``, fewer than `MAX_TRIES`.

        Raises:
            IntercomError: One of its subclasses, by what the caller should do.
        """
        return self._request("GET", path, lambda answer: answer, params=params, **retry)

    def post(self, path: str, json: Mapping[str, Any], **retry: int) -> Answer:
        """Answers a POST. Every POST that we send is a search and thus safe to repeat."""
        return self._request("POST", path, lambda answer: answer, json=json, **retry)

    def read(self, method: str, path: str, reader: Callable[[Answer], T], **request: Any) -> T:
        """What a reader makes of an answer; one that it cannot use is asked for again.

        Args:
            method: GET or POST.
            path: As of `get`.
            reader: Raises `UnusableAnswer` for an answer that is worth another try.
            **request: ``params`` or ``json``, and ``tries``.

        Raises:
            IntercomError: As of `get`, and what the reader raises in the end.
        """
        return self._request(method, path, reader, **request)

    def me(self) -> dict[str, Any]:
        """Who the token belongs to, with the workspace under ``app``; asked once."""
        return self._identity.get(lambda tries: self.get("/me", tries=tries).body)

    @property
    def workspace_id(self) -> str:
        """The workspace's ``id_code``, unique over all of Intercom.

        Raises:
            UnusableAnswer: When Intercom does not tell it, asked again and again.
        """

        def read(answer: Answer) -> dict[str, Any]:
            return naming_a_workspace(answer.body)

        return workspace_of(
            self._identity.get(lambda tries: self.read("GET", "/me", read, tries=tries))
        )

    def server_time(self) -> int:
        """Intercom's clock in epoch seconds, never ahead of it; asks once if need be."""
        if not self.clock.known:
            self.me()
        return int(self.clock.time())

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def _request(
        self,
        method: str,
        path: str,
        reader: Callable[[Answer], T],
        *,
        tries: int = MAX_TRIES,
        **payload: Any,
    ) -> T:
        url = address_of(path, self.settings.base_url)
        try:
            repeat = retrying(min(tries, self._max_tries), self.settings.retry_wait)
            return repeat(lambda: reader(self._answer(method, url, payload)))
        except Unauthorized as refused:
            raise self._why_unauthorized(refused) from None

    def _answer(self, method: str, url: str, payload: dict[str, Any]) -> Answer:
        call = f"{method} {urlsplit(url).path}"
        for tried in count(1):
            reply = self._send(method, url, payload)
            if reply.status < 300:
                wait_for_room(len(reply.body))
            try:
                body = responses.body_of(reply, call)
            except RateLimited:
                if tried >= self._max_rate_limited:
                    raise
                wait = self.pacer.back_off(reply.headers, tried)
                self._waits.refused(call, wait)
            else:
                return Answer(body, len(reply.body), int(self.clock.time()))
        raise AssertionError("unreachable")

    def _send(self, method: str, url: str, payload: dict[str, Any]) -> Reply:
        asked = time.monotonic()
        with self.pacer:
            began = time.monotonic()
            with self._counting:
                self.calls += 1
            reply = self._transport.send(method, url, version=self._version, **payload)
            self.clock.observe(reply.headers.get("Date"))
            took = time.monotonic() - began
            self.pacer.observe(reply.headers, took if reply.status < 400 else None)
        self._waits.waited(began - asked)
        return reply

    def _why_unauthorized(self, refused: IntercomError) -> IntercomError:
        """Tells a bad token from a missing permission, which Intercom answers alike at times."""
        facts: dict[str, Any] = {
            "status": 401,
            "code": refused.code,
            "request_id": refused.request_id,
        }
        if refused.call != "GET /me":
            try:
                self._answer("GET", address_of("/me", self.settings.base_url), {})
            except Unauthorized:
                pass
            except RetriableError:
                logger.warning("GET /me did not answer, so a bad token is assumed")
            else:
                return PermissionDenied(
                    "the access token is valid but lacks the permission for this call: grant it "
                    "in Intercom's Developer Hub, or leave the stream out",
                    call=refused.call,
                    **facts,
                )
        return AuthenticationError(
            f"Intercom at {self.settings.base_url} does not accept the access token: check "
            "INTERCOM_ACCESS_TOKEN, and INTERCOM_REGION if the workspace is in the EU or Australia",
            call=refused.call,
            **facts,
        )
