"""Phone calls, and what was said in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

from intercom_assets.sandbox.chance import draw
from intercom_assets.sandbox.plan import Plan, Record

_FIRST_CALL = 990
_BASE = "https://api.intercom.io/calls"
_ENDS = ("answered", "missed", "voicemail", None)


class PhoneCalls:
    """Makes calls, one after the other."""

    def __init__(self, plan: Plan, admins: dict[str, Record]) -> None:
        self._admins = list(admins)
        self._first = _FIRST_CALL + plan.seed % 100
        self._made = 0

    def of(self, conversations: Iterable[Record]) -> Iterator[Record]:
        """The calls of the conversations that came by phone: one each, or two."""
        for conversation in conversations:
            if conversation["source"]["type"] == "phone_call":
                for again in range(1 + draw(conversation["id"], "called again", 2)):
                    yield self.make(conversation, conversation["created_at"] + again * 3600)

    def make(self, conversation: Record | None, at: int) -> Record:
        """The next call; one in nine belongs to no conversation."""
        n = self._made
        self._made += 1
        ident = str(self._first + n)
        ended = _ENDS[n % len(_ENDS)]
        answered = ended == "answered"
        # Times come in either form, and a call that goes on has not ended.
        times = (at, at + 5 if answered else None, at + 95 if ended else None, at, at + 96)
        form = _same if n % 2 else _iso
        initiated, answered_at, ended_at, created, updated = map(form, times)
        talk = conversation if n % 9 != 8 else None
        people = (talk or {}).get("contacts", {}).get("contacts") or [{"id": None}]
        return {
            "type": "call",
            "id": ident,
            "conversation_id": talk["id"] if talk else None,
            "admin_id": self._admins[n % len(self._admins)] if self._admins and answered else None,
            "contact_id": people[0]["id"],
            "state": "completed" if ended else "in_progress",
            "initiated_at": initiated,
            "answered_at": answered_at,
            "ended_at": ended_at,
            "created_at": created,
            "updated_at": updated,
            "recording_url": f"{_BASE}/{ident}/recording" if answered else None,
            "transcription_url": f"{_BASE}/{ident}/transcript" if answered else None,
            "call_type": ("phone", "messenger")[n % 2],
            "direction": ("inbound", "outbound")[n // 2 % 2],
            "ended_reason": ended,
            "phone": f"+1555123{n % 10_000:04}" if n % 2 == 0 else None,
            "fin_recording_url": f"{_BASE}/{ident}/recording" if n % 7 == 0 else None,
            "fin_transcription_url": f"{_BASE}/{ident}/transcript" if n % 7 == 0 else None,
        }


def _same(at: int | None) -> int | None:
    return at


def _iso(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, timezone.utc).isoformat()


def transcript(call: Record) -> list[Record]:
    """What was said in a call; nothing that was written down if nobody answered."""
    if call["transcription_url"] is None:
        return []
    said = ("Hello, how can I help?", "Ich möchte meine Rechnung ändern.", "Gern. 👍")
    return [
        {"speaker": ("Teammate 1", "User")[n % 2], "text": text, "start_time": 3 + 6 * n}
        for n, text in enumerate(said)
    ]


def with_transcript(call: Record) -> Record:
    """A call as the search by conversations shows it."""
    said = transcript(call)
    return {**call, "transcript": said, "transcript_status": "completed" if said else None}


def transcript_text(call: Record) -> str:
    """The transcript as a file."""
    return "\n".join(
        f'[00:00:{line["start_time"]:02}] {line["speaker"]}: "{line["text"]}"'
        for line in transcript(call)
    )
