"""Phone and video calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from intercom_assets.client.pagination import page_of
from intercom_assets.streams.base import SUPPORT
from intercom_assets.streams.children import ChildStream
from intercom_assets.streams.records import Parent
from intercom_assets.streams.whole import IncrementalStream
from intercom_assets.streams.work_queue import Family


class Calls(IncrementalStream):
    """Calls. Their list has neither a filter nor a documented order."""

    tap_stream_id = "calls"
    group = SUPPORT
    since = "2.14"
    path = "/calls"
    params: ClassVar[dict[str, Any]] = {"per_page": 25}
    tells_total = True
    docs_page = "calls/listcalls"
    data_key = "data"
    plain = "id type conversation_id admin_id contact_id state call_type direction ended_reason"
    contact_columns = ("contact_id",)


class CallTranscripts(ChildStream):
    """What was said in calls, asked for by their conversations, twenty at a time."""

    tap_stream_id = "call_transcripts"
    group = SUPPORT
    default = False
    since = "2.14"
    parent = Calls
    parent_id = "call_id"
    parent_columns = ("conversation_id",)
    parents_a_call = 20
    key_properties: ClassVar[list[str]] = ["call_id"]
    path = "/calls/search"
    docs_page = "calls/listcallswithtranscripts"
    data_key = "data"
    plain = "call_id conversation_id transcript_status"
    bodies = ("transcript",)

    def families(self, parents: Sequence[Parent]) -> list[Family]:
        """Reads the transcripts of some calls; a call of no conversation has none."""
        asked = {parent.columns.get("conversation_id") for parent in parents} - {None}
        if not asked:
            now = int(self.client.clock.time())
            return [Family(replace(parent, fetched_at=now), []) for parent in parents]
        answer = self.client.post(self.path, {"conversation_ids": sorted(map(str, asked))})
        page = page_of(answer, self.data_key, f"POST {self.path}")
        by_call = {str(call.get("id")): call for call in page.records}
        families = []
        for parent in parents:
            call = by_call.get(parent.id, {})
            told = {
                name: call[name]
                for name in ("conversation_id", "transcript", "transcript_status")
                if name in call
            }
            context = {self.parent_id: parent.id, str(self.replication_key): parent.updated_at}
            fetched = replace(parent, fetched_at=answer.at)
            rows = self.rows(fetched, [told] if told.get("transcript") else [], context)
            families.append(Family(fetched, rows, answer.size // len(parents)))
        return families
