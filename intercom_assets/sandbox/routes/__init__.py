"""The calls that the sandbox answers, and which function answers each."""

from __future__ import annotations

from intercom_assets.sandbox.calls import Answer, Call, Route, not_found
from intercom_assets.sandbox.collections import SEARCHED
from intercom_assets.sandbox.index import Index
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.routes.collections import CollectionRoutes
from intercom_assets.sandbox.routes.companies import CompanyRoutes
from intercom_assets.sandbox.routes.contacts import ContactRoutes
from intercom_assets.sandbox.routes.conversations import ConversationRoutes
from intercom_assets.sandbox.routes.directory import DirectoryRoutes
from intercom_assets.sandbox.routes.events import EventRoutes
from intercom_assets.sandbox.routes.phone_calls import PhoneCallRoutes
from intercom_assets.sandbox.routes.tickets import TicketRoutes
from intercom_assets.sandbox.routes.visitors import VisitorRoutes
from intercom_assets.sandbox.workspace import Workspace

INDEXED = ("contacts", "companies", "conversations", "tickets")


class Routes:
    """Finds the route of a call. In the table a segment ``*`` stands for any."""

    def __init__(self, workspace: Workspace, options: Options) -> None:
        self.workspace = workspace
        self.indexes = {name: Index(workspace, name) for name in (*INDEXED, *SEARCHED)}
        self.contacts = ContactRoutes(self.indexes["contacts"], options)
        self.companies = CompanyRoutes(self.indexes["companies"], options)
        self.conversations = ConversationRoutes(self.indexes["conversations"], options)
        self.table: dict[tuple[str, str], Route] = {
            **CollectionRoutes(workspace, self.indexes, options).table(),
            **DirectoryRoutes(workspace).table(),
            **self.contacts.table(),
            **self.companies.table(),
            **self.conversations.table(),
            **EventRoutes(workspace).table(),
            **PhoneCallRoutes(workspace).table(),
            **VisitorRoutes(workspace).table(),
            **TicketRoutes(self.indexes["tickets"], options).table(),
        }

    def open(self) -> None:
        """Listens to the workspace, whose changes were not heard so far."""
        for index in self.indexes.values():
            index.reset()
        self.workspace.listeners.append(self.changed)

    def close(self) -> None:
        """Stops listening to the workspace."""
        if self.changed in self.workspace.listeners:
            self.workspace.listeners.remove(self.changed)

    def changed(self, collection: str, id: str) -> None:
        """Takes note of a change of the workspace."""
        if collection in self.indexes:
            self.indexes[collection].changed(id)

    def answer(self, call: Call) -> Answer:
        """Answers a call.

        Raises:
            ApiError: What Intercom would state as an error; also a wrong method is not_found.
        """
        route = self.table.get((call.method, call.path))
        # A star of the path itself is an id, too, if nobody's.
        if route is not None and "*" not in call.path:
            return route(call)
        segments = call.path.split("/")
        for place in range(2, len(segments)):
            pattern = "/".join([*segments[:place], "*", *segments[place + 1 :]])
            route = self.table.get((call.method, pattern))
            if route is not None and segments[place]:
                call.params = (segments[place],)
                return route(call)
        raise not_found()
