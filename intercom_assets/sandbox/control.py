"""HTTP control of a sandbox that runs in another process: paths under /_sandbox, no token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from intercom_assets.sandbox.calls import encode
from intercom_assets.sandbox.faults import fault_from
from intercom_assets.sandbox.workspace import COLLECTIONS

if TYPE_CHECKING:
    from intercom_assets.sandbox.server import Sandbox

PREFIX = "/_sandbox/"
TOMBSTONES = (
    "deleted_conversations",
    "deleted_contacts",
    "deleted_companies",
    "merged_contacts",
)


class Control:
    """Answers the control calls of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers with JSON: 400 for a bad body, 404 for an unknown call."""
        name, _, rest = request.path[len(PREFIX) :].partition("/")
        try:
            body = orjson.loads(await request.read() or b"{}")
            answer = self._answer(f"{request.method} {name}", rest, body)
        except (ValueError, TypeError, AttributeError) as problem:
            return _json({"error": str(problem)}, 400)
        if answer is None:
            return _json({"error": f"no control call {request.method} {request.path}"}, 404)
        return _json(answer)

    def _answer(self, call: str, rest: str, body: Any) -> Any:
        sandbox = self.sandbox
        if call == "POST change":
            return sandbox.workspace.change(int(body.get("n", 5)))
        if call == "POST settings":
            sandbox.change(body)
            return sandbox.current()
        if call == "GET settings":
            return sandbox.current()
        if call == "GET requests":
            return sandbox.summary()
        if call == "POST reset":
            sandbox.reset_log()
            sandbox.faults.clear()
            return {}
        if call == "POST faults":
            sandbox.faults[:] = [fault_from(values) for values in body]
            return {"faults": len(sandbox.faults)}
        if call == "GET truth":
            return self._truth(rest)
        return None

    def _truth(self, name: str) -> Any:
        """What a table of the workspace holds; parts with their conversation's id."""
        workspace = self.sandbox.workspace
        # Records change in place, so they are made into JSON before the lock is given back.
        with workspace.lock:
            if name == "parts":
                tables = workspace.parts.items()
                found: Any = [
                    {**part, "conversation_id": id} for id, parts in tables for part in parts
                ]
            elif name == "sublists":
                lists = workspace.sublists.items()
                found = [{"id": id, "kind": kind, "data": data} for (id, kind), data in lists]
            elif name in COLLECTIONS:
                table: Any = getattr(workspace, name)
                found = list(table.values()) if isinstance(table, dict) else table
            elif name in TOMBSTONES:
                found = getattr(workspace, name)
            else:
                return None
            return orjson.Fragment(encode(found))


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=encode(body), status=status, content_type="application/json")
