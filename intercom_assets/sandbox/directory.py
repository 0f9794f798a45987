"""The workspace's directory: who works there, and what they sort people and messages into."""

from __future__ import annotations

from typing import Any

from intercom_assets.sandbox import words
from intercom_assets.sandbox.plan import Plan, Record

_FIRST_ADMIN = 991_267_645
_FIRST_TEAM = 5_017_690
_FIRST_TAG = 95  # the ids pass from two digits to three


def admin_id(plan: Plan, n: int) -> str:
    return str(_FIRST_ADMIN + n * 7 + plan.seed % 1000)


def admin(plan: Plan, n: int) -> Record:
    """One teammate; away, role and avatar differ in form from one to the next."""
    ident = admin_id(plan, n)
    name = words.FIRST_NAMES[n * 5 % len(words.FIRST_NAMES)]
    record: Record = {
        "type": "admin",
        "id": ident,
        "name": f"{name} {words.LAST_NAMES[n * 3 % len(words.LAST_NAMES)]}",
        "email": f"admin{n + 1}@example.com",
        "job_title": words.JOB_TITLES[n % len(words.JOB_TITLES)],
        "away_mode_enabled": n % 3 == 1,
        "away_mode_reassign": n % 6 == 1,
        "away_status_reason_id": 12_345 + n if n % 3 == 1 else None,
        "has_inbox_seat": n % 4 != 3,
        "team_ids": _team_ids(plan, n),
        "team_priority_level": _team_priority(plan, n),
    }
    record.update(_avatar(n))
    if n % 3 != 2:
        record["role"] = {"type": "role", "id": str(n % 3 + 1), "name": ("Owner", "Agent")[n % 3]}
    return record


def _avatar(n: int) -> Record:
    url = f"https://static.example.com/avatars/{n}/square.png"
    forms: tuple[Record, ...] = (
        {"avatar": url},
        {"avatar": {"type": "avatar", "image_url": url}},
        {"avatar": None},
        {},
    )
    return forms[n % len(forms)]


def _team_ids(plan: Plan, n: int) -> list[int]:
    """An admin's teams, which are integers here though a team's own id is a string."""
    return [int(team_id(t)) for t in range(plan.teams) if _in_team(n, t)]


def _in_team(n: int, t: int) -> bool:
    return (n + t) % 3 != 2


def _team_priority(plan: Plan, n: int) -> Record:
    teams = _team_ids(plan, n)
    if n % 4 == 3 or not teams:
        return {}
    return {"primary_team_ids": teams[:1], "secondary_team_ids": teams[1:] or None}


def me(plan: Plan, owner: Record) -> Record:
    """What `GET /me` answers: the token's admin and the workspace."""
    kept = ("type", "id", "name", "email", "job_title", "away_mode_enabled", "away_mode_reassign")
    return {
        **{key: owner[key] for key in (*kept, "has_inbox_seat", "team_ids")},
        "email_verified": True,
        "avatar": {"type": "avatar", "image_url": "https://static.example.com/avatars/me.png"},
        "app": {
            "type": "app",
            "id_code": plan.id_code,
            "name": f"Sandbox {plan.id_code} 🏖️",
            "region": plan.region,
            "timezone": plan.timezone,
            "created_at": plan.start,
            "identity_verification": False,
        },
    }


def team_id(n: int) -> str:
    return str(_FIRST_TEAM + n)


def team_name(n: int) -> str:
    return _numbered(words.TEAM_NAMES, n)


def team(plan: Plan, n: int) -> Record:
    members = [int(admin_id(plan, a)) for a in range(plan.admins) if _in_team(a, n)]
    half = len(members) // 2
    balanced = n % 3 == 0
    return {
        "type": "team",
        "id": team_id(n),
        "name": team_name(n),
        "admin_ids": members,
        "admin_priority_level": {
            "primary_admin_ids": members[:half],
            "secondary_admin_ids": members[half:],
        }
        if n % 3 != 2
        else {},
        "assignment_limit": 10 if balanced else None,
        "distribution_method": ("load_balanced", "round_robin", None)[n % 3],
    }


def tag(n: int) -> Record:
    return {"type": "tag", "id": str(_FIRST_TAG + n), "name": _numbered(words.TAG_NAMES, n)}


def segment(plan: Plan, n: int, at: int, created_at: int) -> Record:
    """A segment of people."""
    return {
        "type": "segment",
        "id": plan.hex_id("segment", n),
        "name": _numbered(words.SEGMENT_NAMES, n),
        "created_at": created_at,
        "updated_at": at,
        "person_type": ("user", "contact")[n % 2],
        "count": plan.contacts // (n + 1),
    }


def company_segment(plan: Plan, n: int, at: int, created_at: int) -> Record:
    """A segment of companies; it has no person type."""
    record = segment(plan, n, at, created_at)
    del record["person_type"]
    record.update(
        id=plan.hex_id("company_segment", n),
        name=f"{record['name']} (companies)",
        count=plan.companies // (n + 1),
    )
    return record


def by_id(records: Any) -> dict[str, Record]:
    return {record["id"]: record for record in records}


def _numbered(names: tuple[str, ...], n: int) -> str:
    """The nth name; the vocabulary starts over with a number behind it."""
    turn = n // len(names)
    return names[n % len(names)] + (f" {turn + 1}" if turn else "")
