"""What stands between the socket and the routes: log, rate limit, faults, checks, headers."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from base64 import b64decode
from collections.abc import Callable
from email.utils import formatdate
from itertools import count

from aiohttp import web

from intercom_assets.sandbox.calls import VERSIONS, Answer, ApiError, Call
from intercom_assets.sandbox.faults import Fault
from intercom_assets.sandbox.limits import RateLimit
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.request_log import RequestLog, RequestLogs
from intercom_assets.sandbox.routes import Routes
from intercom_assets.sandbox.workspace import Workspace

# Closing a socket that lingers for no time sends a RST.
NO_LINGER = struct.pack("ii", 1, 0)


class Gateway:
    """Answers each request of a client.

    Attributes:
        faults: What goes wrong; the first that strikes counts.
        on_request: Called with each request before it is answered, in the server's thread.
    """

    def __init__(self, workspace: Workspace, options: Options, keep_requests: int) -> None:
        self.workspace = workspace
        self.options = options
        self.routes = Routes(workspace, options)
        self.rate_limit = RateLimit(options)
        self.log = RequestLogs(keep_requests)
        self.faults: list[Fault] = []
        self.on_request: Callable[[RequestLog], None] | None = None
        self._ids = count(1)
        self._date = (0, "")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers a request, and logs it."""
        call = Call(
            request.method,
            request.path,
            dict(request.query),
            await request.read() if request.can_read_body else b"",
            url=f"http://{request.host}{request.path_qs}",
        )
        entry = RequestLog(
            call.method, call.path, dict(call.query), call.json, 0, self.workspace.clock.time()
        )
        self.log.begin(entry)
        try:
            if self.on_request:
                self.on_request(entry)
            return await self._response(request, call, entry)
        finally:
            self.log.end(entry)

    async def _response(
        self, request: web.Request, call: Call, entry: RequestLog
    ) -> web.StreamResponse:
        request_id = f"sandbox-{next(self._ids):012d}"
        token = request.headers.get("Authorization", "")
        quota = self.rate_limit.spend(token, self.workspace.clock.time())
        fault = None if quota.exceeded else self._fault(request)
        await self._wait(fault)
        if fault and fault.kind in ("reset", "stall"):
            return _hang_up(request, reset=fault.kind == "reset")
        if quota.exceeded:
            now = self.workspace.clock.time()
            answer = quota.refusal(self.options, now, request_id)
        else:
            answer = self._answer(request, call, fault, request_id)
        entry.status = answer.status
        headers = {"X-Request-Id": request_id, "Date": self._http_date()}
        headers.update(quota.headers(self.options))
        headers["Intercom-Version"] = self._version(request)
        headers.update(answer.headers)
        headers["Content-Type"] = answer.content_type
        if fault and fault.kind == "cut_connection":
            return await _cut(request, answer, headers)
        return self._whole(request, answer, headers)

    def _fault(self, request: web.Request) -> Fault | None:
        if not self.faults:
            return None
        path = request.path_qs
        return next((f for f in list(self.faults) if f.strikes(request.method, path)), None)

    async def _wait(self, fault: Fault | None) -> None:
        seconds = self.options.latency
        if fault and fault.kind in ("delay", "stall"):
            seconds += fault.seconds
        if seconds:
            await asyncio.sleep(seconds)

    def _answer(
        self, request: web.Request, call: Call, fault: Fault | None, request_id: str
    ) -> Answer:
        replacement = fault.replacement(request_id) if fault else None
        if replacement:
            return replacement
        try:
            self._check(request, call)
            answer = self.routes.answer(call)
        except ApiError as error:
            return error.answer(request_id)
        return fault.spoilt(answer, call) if fault else answer

    def _check(self, request: web.Request, call: Call) -> None:
        """Raises what Intercom would refuse before it looks at the path."""
        headers = request.headers
        if not is_token(headers.get("Authorization", ""), self.options.token):
            raise ApiError(401, "unauthorized", "Access Token Invalid")
        if not _takes_json(headers.get("Accept", "")):
            raise ApiError(406, "not_acceptable", "Accept must allow application/json")
        if call.raw and "json" not in headers.get("Content-Type", ""):
            raise ApiError(415, "unsupported_media_type", "Content-Type must be application/json")
        version = VERSIONS.get(self._version(request))
        if version is None:
            message = "The requested version could not be found"
            raise ApiError(400, "intercom_version_invalid", message)
        call.version = version
        for prefix, status in self.options.missing_scopes.items():
            if call.path.startswith(prefix):
                code = "unauthorized" if status == 401 else "forbidden"
                raise ApiError(status, code, "You do not have the required scope")

    def _version(self, request: web.Request) -> str:
        """The version asked for; without one, the app's own."""
        return request.headers.get("Intercom-Version") or self.options.app_version

    def _whole(self, request: web.Request, answer: Answer, headers: dict[str, str]) -> web.Response:
        body = answer.body
        if self.options.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, status=answer.status, headers=headers)

    def _http_date(self) -> str:
        now = self.workspace.clock.now()
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]


def is_token(authorization: str, token: str) -> bool:
    """Whether a header names the token: as a bearer, or as older clients do, as Basic's user."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            user = b64decode(given, validate=True).decode().partition(":")[0]
        except ValueError:
            return False
        return user == token
    return scheme.lower() == "bearer" and given == token


def _takes_json(accept: str) -> bool:
    """Whether an Accept header allows JSON; Intercom refuses one that is absent."""
    ranges = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return any(each in ("*/*", "application/*") or "json" in each for each in ranges)


def _hang_up(request: web.Request, *, reset: bool) -> web.StreamResponse:
    """Ends the connection without an answer."""
    transport = request.transport
    if transport is not None:
        if reset:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        transport.abort()
    # aiohttp wants a response, and finds nobody to send it to.
    return web.Response(status=499)


async def _cut(request: web.Request, answer: Answer, headers: dict[str, str]) -> web.StreamResponse:
    """Sends half of what it promises, and closes the connection."""
    headers["Content-Length"] = str(len(answer.body) + 1)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.force_close()
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    return response
