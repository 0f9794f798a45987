"""Calls about visitors, who can be asked for one by one only."""

from __future__ import annotations

from intercom_assets.sandbox.calls import Answer, ApiError, Call, Route, answer, not_found
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables


class VisitorRoutes:
    """Answers about visitors: to them a lead is one that has left a name."""

    def __init__(self, workspace: Tables) -> None:
        self.workspace = workspace

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        return {("GET", "/visitors"): self.visitor}

    def visitor(self, call: Call) -> Answer:
        """One visitor, by the user id that the messenger gave."""
        wanted = call.query.get("user_id")
        if wanted is None:
            raise ApiError(400, "parameter_missing", "user_id is required")
        with self.workspace.lock:
            lead = self.workspace.contacts.get(wanted)
            if lead is None or lead["role"] != "lead":
                raise not_found("Visitor Not Found")
            return answer(_visitor(lead))


def _visitor(lead: Record) -> Record:
    """A lead in the shape that contacts had in older versions of the API."""
    kept = (
        "id", "email", "phone", "name", "owner_id", "unsubscribed_from_emails",
        "marked_email_as_spam", "has_hard_bounced", "created_at", "updated_at", "signed_up_at",
        "custom_attributes",
    )  # fmt: skip
    campaign = ("referrer", "utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term")
    return {
        "type": "visitor",
        "user_id": lead["id"],
        "anonymous": lead["email"] is None,
        "pseudonym": None if lead["name"] else "Blue Whale 🐋",
        "avatar": lead["avatar"] or {"type": "avatar", "image_url": None},
        "app_id": lead["workspace_id"],
        "companies": {"type": "company.list", "companies": []},
        "location_data": {},
        "last_request_at": lead["last_seen_at"],
        "remote_created_at": lead["created_at"],
        "session_count": 0,
        "social_profiles": {"type": "social_profile.list", "social_profiles": []},
        "tags": {"type": "tag.list", "tags": []},
        "segments": {"type": "segment.list", "segments": []},
        "do_not_track": None,
        **{name: lead[name] for name in kept},
        **{name: lead.get(name) for name in campaign},
    }
