"""Calls about phone calls: list, one, those of conversations, transcripts and recordings."""

from __future__ import annotations

from intercom_assets.sandbox import phone_calls
from intercom_assets.sandbox.calls import Answer, ApiError, Call, Route, answer, not_found, since
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.routes.pages import envelope, slice_of
from intercom_assets.sandbox.tables import Tables

PER_PAGE = 25
SINCE = (2, 14)
TEXT = "text/plain; charset=utf-8"
MOST_CONVERSATIONS = 20


class PhoneCallRoutes:
    """Answers about phone calls."""

    def __init__(self, workspace: Tables) -> None:
        self.workspace = workspace

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        return {
            ("GET", "/calls"): since(SINCE, self.calls),
            ("GET", "/calls/*"): since(SINCE, self.call),
            ("GET", "/calls/*/transcript"): since(SINCE, self.transcript),
            ("GET", "/calls/*/recording"): since(SINCE, self.recording),
            ("POST", "/calls/search"): since(SINCE, self.of_conversations),
        }

    def calls(self, call: Call) -> Answer:
        """All phone calls in numbered pages, the newest first."""
        wanted = slice_of(call, PER_PAGE, PER_PAGE)
        with self.workspace.lock:
            found = list(self.workspace.calls.values())[::-1]
            return answer(envelope(call, found[wanted], len(found), wanted))

    def call(self, call: Call) -> Answer:
        """One phone call."""
        with self.workspace.lock:
            return answer(self._found(call))

    def transcript(self, call: Call) -> Answer:
        """What was said, as a text file."""
        with self.workspace.lock:
            text = phone_calls.transcript_text(self._found(call))
        if not text:
            raise not_found("Not Found")
        attachment = {"Content-Disposition": "attachment; filename=transcript.txt"}
        return Answer(text.encode(), 200, TEXT, attachment)

    def recording(self, call: Call) -> Answer:
        """Where the recording is; its address is signed."""
        with self.workspace.lock:
            found = self._found(call)
        if found["recording_url"] is None:
            raise not_found("Recording Not Found")
        location = f"https://recordings.example.com/{found['id']}.wav?signature=abc"
        return Answer(b"", 302, headers={"Location": location})

    def of_conversations(self, call: Call) -> Answer:
        """The phone calls of up to twenty conversations, with their transcripts."""
        body = call.json
        ids = body.get("conversation_ids") if isinstance(body, dict) else None
        if not isinstance(ids, list) or not 0 < len(ids) <= MOST_CONVERSATIONS:
            message = f"A list of up to {MOST_CONVERSATIONS} conversation IDs is required"
            raise ApiError(400, "conversation_id_limit_exceeded", message)
        wanted = {str(id) for id in ids}
        with self.workspace.lock:
            found = [c for c in self.workspace.calls.values() if c["conversation_id"] in wanted]
            return answer({"type": "list", "data": [*map(phone_calls.with_transcript, found)]})

    def _found(self, call: Call) -> Record:
        found = self.workspace.calls.get(call.params[0])
        if found is None:
            raise not_found("Not Found")
        return found
