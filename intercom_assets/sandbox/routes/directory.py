"""The short lists of a workspace, each in one answer."""

from __future__ import annotations

from typing import Any

from intercom_assets.sandbox.calls import Answer, ApiError, Call, Route, answer, not_found
from intercom_assets.sandbox.workspace import Workspace

# From this version on conversation attributes have an endpoint of their own.
CONVERSATION_ATTRIBUTES_MOVED = (2, 16)


class DirectoryRoutes:
    """Teammates, teams, tags, segments and attributes."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        return {
            ("GET", "/me"): self.me,
            ("GET", "/admins"): self.admins,
            ("GET", "/admins/*"): self.admin,
            ("GET", "/teams"): self.teams,
            ("GET", "/teams/*"): self.team,
            ("GET", "/tags"): self.tags,
            ("GET", "/tags/*"): self.tag,
            ("GET", "/segments"): self.segments,
            ("GET", "/segments/*"): self.segment,
            ("GET", "/data_attributes"): self.data_attributes,
        }

    def me(self, call: Call) -> Answer:
        """The token's admin, with the workspace."""
        with self.workspace.lock:
            return answer(self.workspace.me)

    def admins(self, call: Call) -> Answer:
        """All teammates; what they look like only when asked for."""
        shown = call.flag("display_avatar")
        with self.workspace.lock:
            listed = [
                {name: value for name, value in admin.items() if shown or name != "avatar"}
                for admin in self.workspace.admins.values()
            ]
            return answer({"type": "admin.list", "admins": listed})

    def admin(self, call: Call) -> Answer:
        """One teammate."""
        return self._one(self.workspace.admins, call, "admin_not_found", "Admin not found")

    def teams(self, call: Call) -> Answer:
        """All teams."""
        return self._whole("team.list", "teams", self.workspace.teams)

    def team(self, call: Call) -> Answer:
        """One team."""
        return self._one(self.workspace.teams, call, "team_not_found", "Team not found")

    def tags(self, call: Call) -> Answer:
        """All tags."""
        return self._whole("list", "data", self.workspace.tags)

    def tag(self, call: Call) -> Answer:
        """One tag."""
        return self._one(self.workspace.tags, call, "tag_not_found", "Tag not found")

    def segment(self, call: Call) -> Answer:
        """One segment, of people or of companies."""
        workspace = self.workspace
        known = {**workspace.segments, **workspace.company_segments}
        with workspace.lock:
            if call.params[0] not in known:
                raise not_found()
            return answer(_segment(known[call.params[0]], call.flag("include_count")))

    def segments(self, call: Call) -> Answer:
        """Segments of people, or of companies; how many belong to each only when asked for."""
        of_companies = call.query.get("type") == "company"
        workspace = self.workspace
        counted = call.flag("include_count")
        with workspace.lock:
            records = workspace.company_segments if of_companies else workspace.segments
            listed = [_segment(record, counted) for record in records.values()]
            return answer({"type": "segment.list", "segments": listed})

    def data_attributes(self, call: Call) -> Answer:
        """Attributes of contacts or companies; of both without a model."""
        model = call.query.get("model")
        with self.workspace.lock:
            listed = [
                record
                for record in self._attributes(model, call)
                if call.flag("include_archived") or not record.get("archived")
            ]
            return answer({"type": "list", "data": listed})

    def _attributes(self, model: str | None, call: Call) -> list[dict[str, Any]]:
        contacts, companies = self.workspace.contact_attributes, self.workspace.company_attributes
        if model == "conversation" and call.version < CONVERSATION_ATTRIBUTES_MOVED:
            return []
        found = {None: [*contacts, *companies], "contact": contacts, "company": companies}
        if model not in found:
            raise ApiError(
                422,
                "parameter_invalid",
                f"model={model} is no longer supported. Use GET /conversations/attributes instead"
                if model == "conversation"
                else f"model={model} is not supported",
            )
        return found[model]

    def _whole(self, kind: str, key: str, records: dict[str, dict[str, Any]]) -> Answer:
        with self.workspace.lock:
            return answer({"type": kind, key: list(records.values())})

    def _one(
        self, records: dict[str, dict[str, Any]], call: Call, code: str, message: str
    ) -> Answer:
        with self.workspace.lock:
            if call.params[0] not in records:
                raise not_found(message, code)
            return answer(records[call.params[0]])


def _segment(record: dict[str, Any], counted: bool) -> dict[str, Any]:
    plain = {name: value for name, value in record.items() if name != "count"}
    return {**plain, "count": record.get("count", 0)} if counted else plain
