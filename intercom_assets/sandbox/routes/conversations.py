"""Calls about conversations: search, list, one with its parts, and the deleted ones."""

from __future__ import annotations

from itertools import count
from typing import Any

from intercom_assets.sandbox.attached import attached
from intercom_assets.sandbox.calls import HTML, Answer, Call, Route, answer, not_found, since
from intercom_assets.sandbox.faults import html_page
from intercom_assets.sandbox.index import Index
from intercom_assets.sandbox.options import Options
from intercom_assets.sandbox.routes.pages import envelope, slice_of
from intercom_assets.sandbox.search import Search, newest_first
from intercom_assets.sandbox.text import plaintext

PER_PAGE = 20
SIDES_PER_PAGE, MOST_SIDES = 25, 50
OPTIONAL = {"include_monitors": "monitor_evaluations", "include_scorecards": "scorecards"}
# Older parts cannot be reached at all.
NEWEST_PARTS = 500
DELETED_SINCE = SIDES_SINCE = (2, 16)
HANDLING_SINCE = (2, 15)


class ConversationRoutes:
    """Answers about conversations."""

    def __init__(self, index: Index, options: Options) -> None:
        self.index = index
        self.workspace = index.workspace
        self.options = options
        self.searching = Search(
            index,
            options,
            key="conversations",
            kind="conversation.list",
            per_page=PER_PAGE,
            optional=OPTIONAL,
        )
        self._missing = count()

    def table(self) -> dict[tuple[str, str], Route]:
        """The calls answered here."""
        latest = newest_first("updated_at")
        return {
            ("POST", "/conversations/search"): self.searching.search,
            ("GET", "/conversations"): lambda call: self.searching.listing(call, latest),
            ("GET", "/conversations/deleted"): since(DELETED_SINCE, self.deleted),
            ("GET", "/conversations/*"): self.conversation,
            ("GET", "/conversations/*/handling_events"): since(HANDLING_SINCE, self.handling),
            ("GET", "/conversations/*/side_conversations"): since(SIDES_SINCE, self.sides),
        }

    def conversation(self, call: Call) -> Answer:
        """One conversation with its newest parts."""
        id = call.params[0]
        with self.workspace.lock:
            record = self.index.records.get(id)
            if record is None or id in self.workspace.hidden_conversations:
                return self._no_conversation()
            parts = self._parts(id, translated=call.flag("include_translations"))
            whole = {**record, "conversation_parts": parts}
            return answer(_plain(whole) if call.query.get("display_as") == "plaintext" else whole)

    def deleted(self, call: Call) -> Answer:
        """Ids of deleted conversations, newest first."""
        wanted = slice_of(call, PER_PAGE)
        with self.workspace.lock:
            times = self.workspace.deleted_conversations
            ids = sorted(times, key=lambda id: (times[id], id))
            if call.query.get("order", "desc") == "desc":
                ids.reverse()
            records = [_deleted(id, times[id]) for id in ids[wanted]]
        page = envelope(call, [], len(ids), wanted)
        del page["data"]
        return answer({**page, "type": "conversations.list", "conversations": records})

    def handling(self, call: Call) -> Answer:
        """When a conversation was paused and resumed."""
        with self.workspace.lock:
            events = attached(self.workspace, self._id(call), "handling_events")
            return answer({"handling_events": events})

    def sides(self, call: Call) -> Answer:
        """Side conversations in numbered pages, which name no successor."""
        wanted = slice_of(call, SIDES_PER_PAGE, MOST_SIDES)
        with self.workspace.lock:
            found = attached(self.workspace, self._id(call), "side_conversations")
            page = envelope(call, found[wanted], len(found), wanted)
            del page["pages"]["next"]
            sides = page.pop("data")
            kind = "side_conversation.list"
            return answer({**page, "type": kind, "side_conversations": sides})

    def _id(self, call: Call) -> str:
        id = call.params[0]
        if id not in self.index.records or id in self.workspace.hidden_conversations:
            raise not_found("Conversation not found", "conversation_not_found")
        return id

    def _parts(self, id: str, translated: bool) -> dict[str, Any]:
        parts = self.workspace.parts.get(id, [])
        newest = parts[-NEWEST_PARTS:]
        return {
            "type": "conversation_part.list",
            "conversation_parts": newest if translated else [*map(_untranslated, newest)],
            "total_count": len(parts),
        }

    def _no_conversation(self) -> Answer:
        if self.options.html_not_found and next(self._missing) % 2:
            return Answer(html_page(404, "Not Found"), 404, HTML)
        raise not_found()


def _deleted(id: str, at: int) -> dict[str, Any]:
    return {"type": "conversation", "id": id, "metrics_retained": True, "deleted_at": at}


def _untranslated(part: dict[str, Any]) -> dict[str, Any]:
    if "translations" not in part:
        return part
    return {name: value for name, value in part.items() if name != "translations"}


def _plain(conversation: dict[str, Any]) -> dict[str, Any]:
    """The conversation with text in place of HTML."""
    parts = conversation["conversation_parts"]
    return {
        **conversation,
        "source": _plain_texts(conversation.get("source")),
        "conversation_parts": {
            **parts,
            "conversation_parts": [_plain_texts(part) for part in parts["conversation_parts"]],
        },
    }


def _plain_texts(record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    texts = {
        name: plaintext(record[name])
        for name in ("subject", "body")
        if isinstance(record.get(name), str)
    }
    return {**record, **texts}
