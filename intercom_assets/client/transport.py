"""Connections to one host. What leaves here carries the token, so nothing leaves for elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode, urlsplit

import msgspec
import requests
import urllib3
from requests.adapters import HTTPAdapter

from intercom_assets.client.errors import IntercomError, RequestRefused, ServerError
from intercom_assets.client.settings import Settings

CONNECT_TIMEOUT_SECONDS = 15.0
# Whoever sends repeats. Made once: urllib3 would make another one for each call.
NO_RETRIES = urllib3.Retry.from_int(False, redirect=False)


class Reply(NamedTuple):
    """What came back, whatever its status.

    Attributes:
        status: HTTP status.
        reason: What the server calls that status.
        headers: Without regard to case.
        body: Decompressed.
    """

    status: int
    reason: str | None
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Sends requests with the token, to one host. Threads may share it.

    requests finds proxies and certificates in the environment and makes the pool of connections.
    Each request then takes the pool itself: half the work of a call through a session, and nothing
    that follows redirects, keeps cookies or reads a ~/.netrc.

    Args:
        settings: Which host, which token, and how long to wait.
    """

    def __init__(self, settings: Settings) -> None:
        adapter = HTTPAdapter(pool_maxsize=settings.max_concurrency)
        probe = requests.Request("GET", settings.base_url).prepare()
        found = requests.Session().merge_environment_settings(
            settings.base_url, {}, None, None, None
        )
        # Settings allows plain http on this machine only; a proxy would take the token off it.
        proxies = found["proxies"] if urlsplit(settings.base_url).scheme == "https" else {}
        pool = adapter.get_connection_with_tls_context(
            probe, found["verify"] or True, proxies=proxies
        )
        self._pool = cast(urllib3.HTTPConnectionPool, pool)
        connect = min(CONNECT_TIMEOUT_SECONDS, settings.request_timeout)
        self._timeout = urllib3.Timeout(connect=connect, read=settings.request_timeout)
        self._headers = {
            **requests.utils.default_headers(),
            "Accept": "application/json",
            "Authorization": _Hidden(f"Bearer {settings.access_token}"),
            "Intercom-Version": settings.api_version,
            "User-Agent": settings.user_agent,
        }

    def send(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        version: str | None = None,
    ) -> Reply:
        """Sends a request and reads the whole answer.

        Args:
            method: GET or POST.
            url: A URL on the host.
            params: To be added to its query string.
            json: The body.
            version: The API version, if not that of the settings.

        Raises:
            ServerError: When there was no complete answer.
            RequestRefused: When TLS failed.
        """
        parts = urlsplit(url)
        query = "&".join(part for part in (parts.query, urlencode(params or {})) if part)
        target = f"{parts.path or '/'}{'?' + query if query else ''}"
        headers = self._headers
        if version is not None:
            headers = {**headers, "Intercom-Version": version}
        if json is not None:
            headers = {**headers, "Content-Type": "application/json"}
        try:
            response = self._pool.urlopen(
                method,
                target,
                body=None if json is None else msgspec.json.encode(json),
                headers=headers,
                timeout=self._timeout,
                retries=NO_RETRIES,
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            raise _error_of(problem, f"{method} {parts.path}") from None
        return Reply(response.status, response.reason, response.headers, response.data)

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()


class _Hidden(str):
    """Text that does not show in a traceback that shows local variables."""

    def __repr__(self) -> str:
        return "<hidden>"


def _error_of(problem: Exception, call: str) -> IntercomError:
    kind = type(problem).__name__
    if isinstance(problem, urllib3.exceptions.SSLError):
        return RequestRefused(f"TLS failed, is a proxy in between? {problem}", call=call)
    if isinstance(problem, urllib3.exceptions.ProxyError):
        return ServerError("the proxy did not answer", call=call, code=kind)
    return ServerError("no complete answer from Intercom", call=call, code=kind)
