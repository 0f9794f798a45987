"""HTTP control of a sandbox that runs in another process: paths under /_sandbox, no token."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from intercom_assets.sandbox.attached import OF_CONTACTS, OF_CONVERSATIONS
from intercom_assets.sandbox.calls import encode
from intercom_assets.sandbox.collections import PLAIN
from intercom_assets.sandbox.faults import fault_from
from intercom_assets.sandbox.gateway import Gateway
from intercom_assets.sandbox.openapi import describe
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.tables import COLLECTIONS

PREFIX = "/_sandbox/"
# What hangs on records of another table, and the name of the owner's id.
PARTS = {
    "parts": ("parts", "conversation_id"),
    "ticket_parts": ("ticket_parts", "ticket_id"),
}
TOMBSTONES = (
    "deleted_conversations",
    "deleted_contacts",
    "deleted_companies",
    "merged_contacts",
    "merged_external_ids",
)


class Control:
    """Answers the control calls of one sandbox."""

    def __init__(self, gateway: Gateway, options: Options) -> None:
        self.gateway = gateway
        self.workspace = gateway.workspace
        self.options = options

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
        gateway = self.gateway
        if call == "POST change":
            return self.workspace.change(int(body.get("n", 5)))
        if call == "POST settings":
            self.options.change(body)
            return self.options.current()
        if call == "GET settings":
            return self.options.current()
        if call == "GET requests":
            return gateway.log.summary()
        if call == "POST reset":
            gateway.log.reset()
            gateway.faults.clear()
            return {}
        if call == "POST faults":
            gateway.faults[:] = [fault_from(values) for values in body]
            return {"faults": len(gateway.faults)}
        if call == "GET openapi":
            return describe(gateway.routes.table)
        if call == "GET truth":
            return self._truth(rest)
        return None

    def _truth(self, name: str) -> Any:
        """What a table of the workspace holds; parts with their owner's id."""
        workspace = self.workspace
        # Records change in place, so they are made into JSON before the lock is given back.
        with workspace.lock:
            if name in PARTS:
                table, owner = PARTS[name]
                held = getattr(workspace, table).items()
                found: Any = [{**part, owner: id} for id, parts in held for part in parts]
            elif name == "sublists":
                lists = workspace.sublists.items()
                found = [{"id": id, "kind": kind, "data": data} for (id, kind), data in lists]
            elif name in COLLECTIONS:
                found = workspace.records(name)
            elif name in workspace.children:
                found = [
                    {**record, PLAIN[name].parent_id: id}
                    for id, records in workspace.children[name].items()
                    for record in records
                ]
            elif name in OF_CONTACTS or name in OF_CONVERSATIONS:
                owner = "contact_id" if name in OF_CONTACTS else "conversation_id"
                owners = workspace.contacts if name in OF_CONTACTS else workspace.conversations
                found = [
                    {**record, owner: id}
                    for id in owners
                    for record in workspace.attached(id, name)
                ]
            elif name in TOMBSTONES:
                found = getattr(workspace, name)
            else:
                return None
            return orjson.Fragment(encode(found))


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=encode(body), status=status, content_type="application/json")
