"""What hangs on a record and is read by a call of its own; made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from intercom_assets.sandbox.attached import events, handling, merges, reviews, sides
from intercom_assets.sandbox.attached.segments import segments_of
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables

Make = Callable[[Tables, str], list[Record]]

OF_CONTACTS: dict[str, Make] = {
    "segments": segments_of,
    "merge_history": merges.merge_history,
    "events": events.events_of,
}
OF_CONVERSATIONS: dict[str, Make] = {
    "handling_events": handling.handling_events,
    "side_conversations": sides.side_conversations,
    "monitor_evaluations": reviews.monitor_evaluations,
    "scorecards": reviews.scorecards,
}
_MAKERS = {**OF_CONTACTS, **OF_CONVERSATIONS}


def attached(tables: Tables, id: str, kind: str) -> list[Record]:
    """What hangs on a record: what was set or added, else what chance gives it.

    Equal workspaces give equal lists, and none of them takes room before it was changed.
    """
    found = tables.sublists.get((id, kind))
    return _MAKERS[kind](tables, id) if found is None else found


def attach(tables: Tables, id: str, kind: str, record: Record) -> None:
    """Adds to what hangs on a record, without touching it."""
    with tables.changing(kind, id):
        tables.sublists[id, kind] = [*attached(tables, id, kind), record]


def optional_fields(
    tables: Tables, record: Mapping[str, Any], kinds: Sequence[str]
) -> dict[str, list[Record]]:
    """Lists that an answer shows of a record when it is asked to; leads have no history."""
    return {
        kind: attached(tables, record["id"], kind)
        for kind in kinds
        if kind != "merge_history" or record["role"] == "user"
    }
