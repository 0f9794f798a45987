"""HTTP to Intercom: one session, the rate limit, bounded retries, and errors that say what to do.

Knows no stream: it takes paths and gives decoded JSON.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from intercom_assets import responses
from intercom_assets.errors import (
    AuthenticationError,
    IntercomError,
    PermissionDenied,
    RequestRefused,
    RetriableError,
    ServerError,
)
from intercom_assets.pacing import Pacer, ServerClock
from intercom_assets.settings import Settings

logger = logging.getLogger(__name__)

# Tries of one request before the run gives up; with the waits between them about two minutes.
MAX_TRIES = 8
# A quota that others use up can stay empty for long: about five minutes of ten-second windows.
MAX_RATE_LIMITED = 30
MAX_WAIT_SECONDS = 60.0
CONNECT_TIMEOUT_SECONDS = 15.0


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

    Raises:
        ConfigError: When a setting is missing or wrong.
    """

    def __init__(
        self, config: Mapping[str, Any] | None = None, *, settings: Settings | None = None
    ) -> None:
        self.settings = settings or Settings.from_config(config or {})
        self.clock = ServerClock()
        self.pacer = Pacer(self.settings.max_concurrency, self.clock)
        self._adapter = HTTPAdapter(pool_maxsize=self.settings.max_concurrency)
        # Proxies and certificates of the environment, found once.
        found = requests.Session().merge_environment_settings(
            self.settings.base_url, {}, None, None, None
        )
        self._transport: dict[str, Any] = {"proxies": found["proxies"], "verify": found["verify"]}
        self._token = _BearerToken(self.settings.access_token)
        self._headers = {
            **requests.utils.default_headers(),
            "Accept": "application/json",
            "Intercom-Version": self.settings.api_version,
            "User-Agent": self.settings.user_agent,
        }
        self._me: dict[str, Any] | None = None
        self._lock = threading.Lock()

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
        return self._request("GET", path, params=params, **retry)

    def post(self, path: str, json: Mapping[str, Any], **retry: int) -> Answer:
        """Answers a POST. Every POST that we send is a search and thus safe to repeat."""
        return self._request("POST", path, json=json, **retry)

    def me(self) -> dict[str, Any]:
        """Who the token belongs to, with the workspace under ``app``; asked once."""
        with self._lock:
            if self._me is None:
                self._me = self.get("/me").body
            return self._me

    @property
    def calls(self) -> int:
        """How many requests were sent so far."""
        return self.pacer.admitted

    @property
    def workspace_id(self) -> str:
        """The workspace's ``id_code``, unique over all of Intercom."""
        return str((self.me().get("app") or {}).get("id_code") or "")

    def server_time(self) -> int:
        """Intercom's clock in epoch seconds, never ahead of it; asks once if need be."""
        if not self.clock.known:
            self.me()
        return int(self.clock.time())

    def close(self) -> None:
        """Closes the connections."""
        self._adapter.close()

    def _request(self, method: str, path: str, *, tries: int = MAX_TRIES, **payload: Any) -> Answer:
        url = self._url(path)
        retrying = Retrying(
            retry=retry_if_exception_type(ServerError),
            stop=stop_after_attempt(tries),
            wait=wait_exponential(multiplier=self.settings.retry_wait, max=MAX_WAIT_SECONDS)
            + wait_random(0, self.settings.retry_wait),
            before_sleep=_log_retry,
            reraise=True,
        )
        try:
            return retrying(self._answer, method, url, payload)
        except RequestRefused as refused:
            if refused.status == 401:
                raise self._why_unauthorized(refused) from None
            raise

    def _answer(self, method: str, url: str, payload: dict[str, Any]) -> Answer:
        call = f"{method} {urlsplit(url).path}"
        for _ in range(MAX_RATE_LIMITED):
            response = self._send(method, url, call, payload)
            if response.status_code != 429:
                return Answer(
                    responses.body_of(response, call),
                    len(response.content),
                    int(self.clock.time()),
                )
            wait = self.pacer.back_off(response.headers)
            logger.info("%s: rate limited, waiting %.1f s", call, wait)
        raise responses.error_of(response, call)

    def _send(self, method: str, url: str, call: str, payload: dict[str, Any]) -> requests.Response:
        seconds = self.settings.request_timeout
        request = requests.PreparedRequest()
        request.prepare(method, url, headers=self._headers, auth=self._token, **payload)
        try:
            with self.pacer:
                # Straight through the adapter, which takes a third of the time that a session does,
                # and does nothing that could carry the token elsewhere: it follows no redirect,
                # keeps no cookies, and reads no ~/.netrc.
                response = self._adapter.send(
                    request,
                    timeout=(min(CONNECT_TIMEOUT_SECONDS, seconds), seconds),
                    **self._transport,
                )
                response.content  # noqa: B018 - reads the body while the request counts as open
                self.clock.observe(response.headers.get("Date"))
                self.pacer.observe(response.headers)
                return response
        except requests.RequestException as problem:
            # `from None`: such errors carry the request, and with it the token.
            raise _connection_error(problem, call) from None

    def _url(self, path: str) -> str:
        base = self.settings.base_url
        if "://" not in path:
            return f"{base}/{path.lstrip('/')}"
        if urlsplit(path)[:2] != urlsplit(base)[:2]:
            raise RequestRefused(
                f"Intercom named a page on another host, {urlsplit(path).netloc!r}, than the "
                f"configured {base}; the token is not sent there. If your workspace is hosted in "
                "another region, set INTERCOM_REGION"
            )
        return path

    def _why_unauthorized(self, refused: IntercomError) -> IntercomError:
        """Tells a bad token from a missing permission, which Intercom answers alike at times."""
        facts: dict[str, Any] = {
            "status": 401,
            "code": refused.code,
            "request_id": refused.request_id,
        }
        if refused.call != "GET /me":
            try:
                self._answer("GET", self._url("/me"), {})
            except RequestRefused:
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


class _BearerToken(AuthBase):
    """Adds the token to a request, and shows it nowhere else."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


def _log_retry(state: RetryCallState) -> None:
    problem = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0.0
    logger.warning("%s; trying again in %.1f s, try %d", problem, wait, state.attempt_number + 1)


def _connection_error(problem: requests.RequestException, call: str) -> IntercomError:
    kind = type(problem).__name__
    if isinstance(problem, requests.exceptions.SSLError):
        return RequestRefused(f"TLS failed, is a proxy in between? {problem}", call=call)
    if isinstance(problem, requests.exceptions.ProxyError):
        return ServerError("the proxy did not answer", call=call, code=kind)
    return ServerError("no complete answer from Intercom", call=call, code=kind)
