"""The sandbox: a workspace behind an HTTP server in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from types import TracebackType
from typing import Any

from aiohttp import web

from intercom_assets.sandbox.control import PREFIX, Control
from intercom_assets.sandbox.faults import Fault
from intercom_assets.sandbox.gateway import Gateway
from intercom_assets.sandbox.options import OPTION_NAMES, Options
from intercom_assets.sandbox.request_log import RequestLog
from intercom_assets.sandbox.workspace import Workspace

HOST = "127.0.0.1"
# Requests still open when the sandbox stops get this long.
SHUTDOWN_SECONDS = 0.2
BACKLOG = 1024


class Sandbox(Options):
    """An Intercom-compatible server on this machine, for the time of a ``with`` block.

    Example:
        with Sandbox(contacts=50) as sandbox:
            requests.get(f"{sandbox.url}/me", headers={...})

    Args:
        workspace: The data; by default a new one.
        port: 0 takes a free one.
        faults: What goes wrong from the start.
        on_request: Called with each request before it is answered, in the server's thread.
        keep_requests: How many requests the log keeps.
        **options: Options of the server (see `Options`), and arguments of the new workspace.
    """

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        port: int = 0,
        faults: Iterable[Fault] = (),
        on_request: Callable[[RequestLog], None] | None = None,
        keep_requests: int = 100_000,
        **options: Any,
    ) -> None:
        super().__init__(**{name: options.pop(name) for name in OPTION_NAMES & options.keys()})
        if workspace is not None and options:
            raise TypeError(f"the workspace exists already: {', '.join(sorted(options))}")
        self.workspace = workspace or Workspace(**options)
        self.port = port
        self.gateway = Gateway(self.workspace, self, keep_requests)
        self.faults, self.on_request = list(faults), on_request
        self._url: Future[str] = Future()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """Where the server listens, once it was started."""
        if self._thread is None:
            raise RuntimeError("the sandbox is not running")
        return self._url.result()

    @property
    def faults(self) -> list[Fault]:
        """What goes wrong; may be changed in place or replaced."""
        return self.gateway.faults

    @faults.setter
    def faults(self, faults: list[Fault]) -> None:
        self.gateway.faults = faults

    @property
    def on_request(self) -> Callable[[RequestLog], None] | None:
        """Called with each request before it is answered, in the server's thread."""
        return self.gateway.on_request

    @on_request.setter
    def on_request(self, listener: Callable[[RequestLog], None] | None) -> None:
        self.gateway.on_request = listener

    @property
    def requests(self) -> list[RequestLog]:
        """The newest requests, oldest first."""
        return self.gateway.log.entries()

    @property
    def max_in_flight(self) -> int:
        """The most requests that were open at once."""
        return self.gateway.log.max_in_flight

    def count(self, path_prefix: str = "") -> int:
        """How many requests had a path that begins so."""
        return self.gateway.log.count(path_prefix)

    def summary(self) -> dict[str, Any]:
        """Counts of requests by path and by status."""
        return self.gateway.log.summary()

    def reset_log(self) -> None:
        """Forgets the requests so far."""
        self.gateway.log.reset()

    def start(self) -> None:
        """Serves from now on.

        Raises:
            OSError: When the port is taken.
        """
        self._url = Future()
        self.gateway.routes.open()
        self._thread = threading.Thread(target=self._run, name="intercom-sandbox", daemon=True)
        self._thread.start()
        try:
            self._url.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the server and its thread."""
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not None:
            self._thread.join()
        self._thread = self._loop = self._stopping = None
        self.gateway.routes.close()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as problem:
            if self._url.done():
                raise
            self._url.set_exception(problem)

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", PREFIX + "{call:.*}", Control(self.gateway, self).handle)
        # A dot would stop at a line break, which an id in a path may hold.
        app.router.add_route("*", r"/{path:[\s\S]*}", self.gateway.handle)
        # Cancellation frees the requests that a fault stalls when their client gives up.
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self.port, backlog=BACKLOG).start()
            self._loop = asyncio.get_running_loop()
            self._url.set_result(f"http://{HOST}:{runner.addresses[0][1]}")
            await self._stopping.wait()
        finally:
            await runner.cleanup()
