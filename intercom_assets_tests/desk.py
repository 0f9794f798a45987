"""A support desk made by hand: a conversation for each thing that is easily counted wrong.

The numbers that are right stand beside each; `test_models` holds the models to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection

from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.models.building import Builder
from intercom_assets.models.making import make_relations
from intercom_assets.models.package import models_over
from intercom_assets.streams import STREAMS
from intercom_assets.streams.records import Batch
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.transform import RecordTransformer
from intercom_assets.warehouse import Landing, Warehouse
from intercom_assets.warehouse.spec import TableSpec

Record = dict[str, Any]
MONDAY = 1_709_542_800  # 2024-03-04 09:00 UTC
HOUR, DAY = 3600, 86_400
ANN, BEN = "101", "102"  # Ann is in both teams
SALES, CARE = "501", "502"
USER, BOT, FIN = "c1", "bot", "fin"


def author(who: str) -> Record:
    """The author of a part."""
    if who == FIN:
        return {"type": "bot", "id": "9", "from_ai_agent": True, "is_ai_answer": True}
    if who == BOT:
        return {"type": "bot", "id": "8", "from_ai_agent": False}
    return {"type": "user" if who.startswith("c") else "admin", "id": who, "from_ai_agent": False}


class Desk:
    """Conversations and their parts as Intercom sends them."""

    def __init__(self) -> None:
        self.conversations: list[Record] = []
        self.parts: list[Record] = []

    def conversation(
        self,
        id: str,
        parts: Sequence[tuple[int, str, str, str | None]],
        *,
        at: int = MONDAY,
        opened_by: str = USER,
        state: str = "closed",
        assigned: dict[int, Record] | None = None,
        **fields: Any,
    ) -> None:
        """Adds one: its parts are (seconds, type, who, text)."""
        last = at + max((second for second, *_ in parts), default=0)
        by_user = opened_by.startswith("c")
        self.conversations.append(
            {
                "id": id,
                "created_at": at,
                "updated_at": last,
                "state": state,
                "open": state == "open",
                "source": {
                    "type": "email",
                    "id": f"s{id}",
                    "delivered_as": "customer_initiated" if by_user else "admin_initiated",
                    "body": "<p>Hello</p>",
                    "author": author(opened_by),
                },
                "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": USER}]},
                "admin_assignee_id": 0,
                "team_assignee_id": 0,
                "tags": {"type": "tag.list", "tags": []},
                "statistics": None,
                "ai_agent_participated": False,
                **fields,
            }
        )
        for number, (second, kind, who, body) in enumerate(parts):
            self.parts.append(
                {
                    "id": str(int(id) * 100 + number),
                    "conversation_id": id,
                    "part_type": kind,
                    "body": body,
                    "author": author(who),
                    "assigned_to": (assigned or {}).get(number),
                    "created_at": at + second,
                    "updated_at": at + second,
                    "conversation_updated_at": last,
                }
            )


def team(id: str) -> Record:
    """What a part assigns to a team."""
    return {"type": "team", "id": id}


def desk() -> Desk:
    """The desk, with the right numbers in the comments."""
    made = Desk()
    add = made.conversation
    # 1: the customer writes once, and the clock starts with that: first reply 600, close 3600.
    add(
        "1",
        [(600, "comment", ANN, "Hi"), (3600, "close", ANN, None)],
        statistics={
            "time_to_admin_reply": 300,  # in office hours
            "first_contact_reply_at": None,
            "first_admin_reply_at": MONDAY + 600,
            "first_close_at": MONDAY + 3600,
            "last_close_at": MONDAY + 3600,
            "count_conversation_parts": 2,
        },
    )
    # 2: Fin resolves it alone: no teammate, no response, and it counts all the same.
    add(
        "2",
        [(5, "comment", FIN, "Try this"), (DAY, "close", BOT, None)],
        ai_agent_participated=True,
        ai_agent={
            "source_type": "workflow",
            "last_answer_type": "ai_answer",
            "resolution_state": "assumed_resolution",
        },
    )
    # 3: the only reply is inside the part that closes: a response of 900.
    add("3", [(900, "close", ANN, "Done, bye")])
    # 4: closed by Ben, then unassigned: the close is Ben's.
    add(
        "4",
        [(60, "comment", BEN, "Hm"), (120, "close", BEN, None), (130, "assignment", BOT, None)],
        assigned={2: {"type": "nobody_admin", "id": "0"}},
    )
    # 5: closed, reopened by the customer a day later, closed again: 2 close events, newly closed 1,
    # reopened 1; responses of 100 and 50.
    add(
        "5",
        [
            (100, "comment", ANN, "Hi"),
            (200, "close", ANN, None),
            (DAY, "open", USER, "Not yet"),
            (DAY + 50, "comment", ANN, "Sorry"),
            (DAY + 60, "close", ANN, None),
        ],
    )
    # 6: Fin's resolution is taken back: closed without a teammate, the customer returns, Ben helps
    # after 40.
    add(
        "6",
        [
            (5, "comment", FIN, "Try this"),
            (DAY, "close", BOT, None),
            (2 * DAY, "comment", USER, "Did not work"),
            (2 * DAY + 40, "comment", BEN, "Let me see"),
        ],
        state="open",
        ai_agent_participated=True,
        ai_agent={
            "source_type": "workflow",
            "last_answer_type": "ai_answer",
            "resolution_state": "escalated",
            "rating": 2,
        },
    )
    # 7: Sales answers first (30), then Care (20), which has it now: a response for each.
    add(
        "7",
        [
            (10, "assignment", BOT, None),
            (30, "comment", ANN, "Sales here"),
            (40, "assignment", ANN, None),
            (50, "comment", USER, "And now?"),
            (70, "comment", BEN, "Care here"),
        ],
        state="open",
        team_assignee_id=int(CARE),
        assigned={0: team(SALES), 2: team(CARE)},
    )
    # 8: three messages, then two replies: one response, of 300 since the first message.
    add(
        "8",
        [
            (100, "comment", USER, "Anybody?"),
            (200, "comment", USER, "Hello?"),
            (300, "comment", ANN, "Yes"),
            (400, "comment", ANN, "One more thing"),
        ],
        state="snoozed",
    )
    # 9: a teammate begins. What the customer answers after 1000 is answered within 70.
    add(
        "9",
        [(1000, "comment", USER, "Thanks"), (1070, "comment", ANN, "Welcome")],
        opened_by=ANN,
        state="open",
        first_contact_reply={"created_at": MONDAY + 1000},
        statistics={"first_admin_reply_at": MONDAY + 1070, "first_contact_reply_at": MONDAY + 1000},
    )
    # 10: half past eleven in the evening, UTC: Tuesday in Auckland, Monday in Pago Pago.
    add("10", [], at=MONDAY + 14 * HOUR + 1800, state="open")
    # 11: rated 5, of Ann, who is in two teams: one rating.
    add(
        "11",
        [(60, "comment", ANN, "Hi"), (90, "close", ANN, None)],
        conversation_rating={
            "rating": 5,
            "remark": "Great",
            "created_at": MONDAY + 100,
            "updated_at": MONDAY + 200,
            "contact": {"type": "contact", "id": USER},
            "teammate": {"type": "admin", "id": ANN},
        },
        sla_applied={"type": "sla", "sla_name": "First", "sla_status": "missed"},
    )
    # 12: a note is no reply, a preview of Fin is no involvement, a rating asked for is none given.
    add(
        "12",
        [(60, "note", ANN, "Who is this?")],
        state="open",
        ai_agent_participated=True,
        ai_agent={"source_type": "profile_preview", "resolution_state": "confirmed_resolution"},
        conversation_rating={"rating": None, "created_at": MONDAY + 100, "teammate": None},
    )
    return made


def warehouse(database: Path) -> Warehouse:
    """Where it lands."""
    return IntercomDuckDBIOManager(duckdb=DuckDBResource(database=str(database))).warehouse()


def land(store: Warehouse, stream: str, records: Iterable[Record]) -> None:
    """Lands records as a run does."""
    kind = STREAMS[stream]
    schema = kind.load_schema()
    spec = TableSpec(tuple(kind.key_properties), schema, False, kind.replication_key)
    regular = list(map(RecordTransformer(schema), records))
    Landing(store, stream, spec, "desk", "run").commit([Batch(regular, SyncState())])


def build(store: Warehouse, time_zone: str | None = None, *, full_refresh: bool = False) -> None:
    """Makes relations and builds all models that there are tables for."""
    # One connection stays, so that the others need not open the file.
    with store.connection() as held, store.more_memory("1500MB"):
        for table in _tables(held):
            if not table.startswith("_"):
                problems = [made.problem for made in make_relations(store, table)]
                assert not any(problems), problems
        tables = _tables(held)
        for model in models_over(tables):
            with store.transaction() as connection:
                Builder(connection, tables, time_zone=time_zone).build(model, full_refresh)


def _tables(connection: DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'intercom'"
    ).fetchall()
    return [name for (name,) in rows]
