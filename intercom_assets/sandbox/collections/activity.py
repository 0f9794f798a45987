"""What teammates and apps did in the settings."""

from __future__ import annotations

from typing import Any

from intercom_assets.sandbox.collections.declaration import Collection, Paging
from intercom_assets.sandbox.collections.values import Slot, cycle, hex_id, updated

_KINDS = (
    "admin_login_success",
    "admin_away_mode_change",
    "app_name_change",
    "role_change",
    "macro_creation",
    "admin_impersonation_consent_approved",
)


def _performed_by(slot: Slot) -> dict[str, Any]:
    admins = slot.others.records("admins")
    admin = admins[slot.n % len(admins)] if admins else {"id": "1", "email": "a@example.com"}
    return {
        "type": "admin",
        "id": admin["id"],
        "email": admin["email"],
        "ip": f"198.51.100.{slot.n % 256}",
    }


def _metadata(slot: Slot) -> dict[str, Any] | None:
    """Of another form for each kind; before and after are texts here and objects there."""
    return (
        {"sign_in_method": "email_password"},
        {"away_mode": bool(slot.n % 2), "away_status_reason": "😌 On a break"},
        {"before": "Acme", "after": "Löwen & Söhne"},
        {"before": {"name": "Agent"}, "after": {"name": "Lead"}},
        None,
        {"consent_id": 149_673, "expired_at": "2025-12-04T09:31:57.000Z"},
    )[slot.n % len(_KINDS)]


ACTIVITY_LOGS = Collection(
    "activity_logs",
    "/admins/activity_logs",
    kind="activity_log.list",
    key="activity_logs",
    paging=Paging.NUMBERED,
    per_page=20,
    most=250,
    newest_first="created_at",
    after={"created_at_after": "created_at"},
    before={"created_at_before": "created_at"},
    size=60,
    added=3,
    fields={
        "id": hex_id("activity_log"),
        "performed_by": _performed_by,
        "metadata": _metadata,
        "created_at": updated,
        "activity_type": cycle(*_KINDS),
        "activity_description": cycle(
            "Somebody signed in",
            "Somebody went away",
            "Somebody renamed the workspace",
            "Somebody changed a role",
            "Somebody made a macro",
            "Somebody agreed",
        ),
    },
)

ACTIVITY_LOG_EVENT_TYPES = Collection(
    "activity_log_event_types",
    "/admins/activity_log_event_types",
    since=(2, 16),
    kind="activity_log_event_type.list",
    key="event_types",
    id="name",
    words="name",
    size=len(_KINDS),
    fields={"name": cycle(*_KINDS)},
)
