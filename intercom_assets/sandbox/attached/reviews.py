"""How the quality of a conversation was judged: by monitors, and on scorecards."""

from __future__ import annotations

from intercom_assets.sandbox.chance import draw
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables

# One conversation in so many was flagged, or scored.
_SHARE = 5


def monitor_evaluations(tables: Tables, conversation_id: str) -> list[Record]:
    """What monitors flagged in a conversation."""
    conversation = tables.conversations.get(conversation_id)
    if conversation is None or draw(conversation_id, "monitors", _SHARE):
        return []
    gone = draw(conversation_id, "monitor is gone", 3) == 0
    return [
        {
            "monitor_id": "12345",
            "monitor_name": None if gone else "Complaints 🚩",
            "monitor_type": None if gone else "prompt",
            "result": "flagged",
            "explanation": None if gone else "A refund was asked for, and not given.",
            "evaluated_at": None if gone else conversation["updated_at"],
        }
    ]


def scorecards(tables: Tables, conversation_id: str) -> list[Record]:
    """The scorecards of a conversation; some are not scored yet."""
    conversation = tables.conversations.get(conversation_id)
    if conversation is None or draw(conversation_id, "scorecards", _SHARE):
        return []
    scored = draw(conversation_id, "scored", 3) != 0
    admin = conversation.get("admin_assignee_id")
    reviewed = {"type": "admin", "admin_id": str(admin)} if admin else {"type": "ai"}
    result = {
        "value": "pass",
        "source": "human",
        "reasoning": "Well answered.",
        "reason_ids": ["101", "102"],
        "other_text": None,
    }
    return [
        {
            "scorecard_id": "67890",
            "scorecard_version_id": "67891",
            "name": "Standard review",
            "scorecard_type": "human",
            "passed": True if scored else None,
            "score": 0.85 if scored else None,
            "ai_score": 1 if scored else None,
            "evaluated_at": conversation["updated_at"] if scored else None,
            "reviewed_teammate": reviewed,
            "evaluators": [{"evaluator_id": "54321", "result": result if scored else None}],
        }
    ]
