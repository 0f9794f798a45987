"""The statistics of a conversation, counted from what happened in it."""

from __future__ import annotations

from statistics import median

from intercom_assets.sandbox.plan import Record

_TIMES = (
    "time_to_assignment",
    "time_to_admin_reply",
    "time_to_first_close",
    "time_to_last_close",
    "median_time_to_reply",
    "first_contact_reply_at",
    "first_assignment_at",
    "first_admin_reply_at",
    "first_close_at",
    "last_assignment_at",
    "last_assignment_admin_reply_at",
    "last_contact_reply_at",
    "last_admin_reply_at",
    "last_close_at",
    "last_closed_by_id",
)
_CLOSING = ("close", "close_with_comment")
_ASSIGNING = ("assignment", "assign_and_reopen")


def fresh(parts: int) -> Record:
    """The statistics of a conversation in which nothing was measured yet."""
    return {
        "type": "conversation_statistics",
        **dict.fromkeys(_TIMES),
        "count_reopens": 0,
        "count_assignments": 0,
        "count_conversation_parts": parts,
        "assigned_team_first_response_time": [],
        "assigned_team_first_response_time_in_office_hours": [],
        "handling_time": None,
        "adjusted_handling_time": None,
    }


def measure(created_at: int, parts: list[Record], team: Record | None) -> Record:
    """The statistics of a conversation with these parts, answered by a team."""
    contact, admin, assigned, closed, reopened = _sort(parts)
    found = fresh(len(parts))
    found.update(_first_and_last("contact_reply", contact))
    found.update(_first_and_last("admin_reply", admin))
    found.update(_first_and_last("assignment", assigned))
    found.update(_first_and_last("close", [part["created_at"] for part in closed]))
    found.update(count_reopens=reopened, count_assignments=len(assigned))
    if closed:
        found["last_closed_by_id"] = closed[-1]["author"]["id"]
        found["time_to_first_close"] = found["first_close_at"] - created_at
        found["time_to_last_close"] = found["last_close_at"] - created_at
    if assigned:
        found["time_to_assignment"] = assigned[0] - created_at
        found["last_assignment_admin_reply_at"] = found["last_admin_reply_at"]
    if admin:
        found.update(_replies(created_at, admin, team))
    return found


def _sort(parts: list[Record]) -> tuple[list[int], list[int], list[int], list[Record], int]:
    """Times of replies and of assignments, the closing parts, the number of reopenings."""
    contact: list[int] = []
    admin: list[int] = []
    assigned: list[int] = []
    closed: list[Record] = []
    reopened = 0
    for part in parts:
        kind = part["part_type"]
        if kind == "comment":
            (admin if part["author"]["type"] == "admin" else contact).append(part["created_at"])
        elif kind in _ASSIGNING:
            assigned.append(part["created_at"])
        elif kind in _CLOSING:
            closed.append(part)
        elif kind == "open":
            reopened += 1
    return contact, admin, assigned, closed, reopened


def _first_and_last(noun: str, times: list[int]) -> Record:
    if not times:
        return {}
    return {f"first_{noun}_at": times[0], f"last_{noun}_at": times[-1]}


def _replies(created_at: int, replies: list[int], team: Record | None) -> Record:
    first = replies[0] - created_at
    found: Record = {
        "time_to_admin_reply": first,
        "median_time_to_reply": int(median(reply - created_at for reply in replies)),
        "handling_time": 60 * len(replies),
        "adjusted_handling_time": 45 * len(replies),
    }
    if team:
        response = {"team_id": int(team["id"]), "team_name": team["name"], "response_time": first}
        found["assigned_team_first_response_time"] = [response]
        found["assigned_team_first_response_time_in_office_hours"] = [
            {**response, "response_time": first // 3}
        ]
    return found
