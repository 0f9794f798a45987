"""What is around the desk's conversations, made by hand: tickets, articles, contacts, companies.

The numbers that are right stand beside each; `test_model_numbers` holds the models to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from intercom_assets.warehouse import Warehouse
from intercom_assets_tests.desk import (
    ANN,
    BEN,
    DAY,
    HOUR,
    MONDAY,
    USER,
    Desk,
    Record,
    author,
    build,
    land,
)

WORKSPACE = [{"id_code": "desk", "timezone": "London"}]
FEBRUARY = MONDAY - 20 * DAY  # 2024-02-13 09:00 UTC
LAST_OF_JANUARY = 1_706_743_800  # 2024-01-31 23:30 UTC


class Around:
    """Tickets with their parts, articles, contacts and companies as Intercom sends them."""

    def __init__(self) -> None:
        self.tickets: list[Record] = []
        self.ticket_parts: list[Record] = []
        self.articles: list[Record] = []
        self.contacts: list[Record] = []
        self.companies: list[Record] = []
        self.desk = Desk()

    def ticket(self, id: str, state: str, moves: Sequence[tuple[int, str, str]] = ()) -> None:
        """Adds a ticket of Monday; its moves are (seconds, from, to)."""
        self.tickets.append(
            {
                "id": id,
                "ticket_id": f"#{id}",
                "category": "Customer",
                "ticket_type": {"type": "ticket_type", "id": "40", "name": "Bug"},
                "ticket_state": {
                    "type": "ticket_state",
                    "category": state,
                    "internal_label": state,
                },
                "open": state != "resolved",
                "is_shared": True,
                "created_at": MONDAY,
                "updated_at": MONDAY + max((second for second, *_ in moves), default=0),
                "admin_assignee_id": int(ANN),
                "team_assignee_id": 0,
                "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": USER}]},
            }
        )
        for number, (second, before, after) in enumerate(moves):
            self.ticket_parts.append(
                {
                    "id": str(int(id) * 100 + number),
                    "ticket_id": id,
                    "part_type": "ticket_state_updated_by_admin",
                    "previous_ticket_state": before,
                    "ticket_state": after,
                    "author": author(ANN),
                    "created_at": MONDAY + second,
                    "updated_at": MONDAY + second,
                }
            )

    def article(self, id: str, **fields: Any) -> None:
        """Adds an article."""
        self.articles.append(
            {"id": id, "title": f"Article {id}", "state": "published", "author_id": int(BEN)}
            | {"created_at": FEBRUARY, "updated_at": FEBRUARY, "default_locale": "en"}
            | fields
        )

    def contact(self, id: str, role: str, at: int, signed_up_at: int | None = None) -> None:
        """Adds a contact."""
        self.contacts.append(
            {"id": id, "role": role, "created_at": at, "updated_at": MONDAY}
            | {"signed_up_at": signed_up_at}
        )

    def talk(self, id: str, who: str, at: int, **fields: Any) -> None:
        """Adds a conversation of a contact."""
        contacts = {"type": "contact.list", "contacts": [{"type": "contact", "id": who}]}
        self.desk.conversation(id, [], at=at, opened_by=who, **{"contacts": contacts, **fields})


def cited(*sources: tuple[str, str], state: str, source_type: str = "workflow") -> Record:
    """What Fin made of a conversation, and of which content."""
    content = [
        {"content_type": kind, "title": "How to", "url": url, "locale": "en"}
        for kind, url in sources
    ]
    return {
        "ai_agent_participated": True,
        "ai_agent": {
            "source_type": source_type,
            "resolution_state": state,
            "last_answer_type": "ai_answer",
            "content_sources": {"type": "content_source.list", "content_sources": content},
        },
    }


def tagged(*tags: tuple[str, str, int | None]) -> Record:
    """Tags as (id, name, when they were applied)."""
    items = [
        {"type": "tag", "id": id, "name": name, "applied_at": at}
        | {"applied_by": {"type": "admin", "id": ANN}}
        for id, name, at in tags
    ]
    return {"tags": {"type": "tag.list", "tags": items}}


def about(*topics: tuple[int, str]) -> Record:
    """Topics as (id, name)."""
    items = [{"type": "topic", "topic_id": id, "id": id, "name": name} for id, name in topics]
    return {"topics": {"type": "topic.list", "topics": items, "total_count": len(items)}}


def rated(rating: int) -> Record:
    """A rating of Ann."""
    told = {"rating": rating, "created_at": MONDAY, "teammate": {"type": "admin", "id": ANN}}
    return {"conversation_rating": told}


def around() -> Around:
    """What is around the desk, with the right numbers in the comments."""
    made = Around()
    # 1: submitted for an hour, in progress for two, waiting for three, in progress for one more,
    # then resolved: 7 hours, 3 of them in progress.
    made.ticket(
        "1",
        "resolved",
        [
            (HOUR, "submitted", "in_progress"),
            (3 * HOUR, "in_progress", "waiting_on_customer"),
            (6 * HOUR, "waiting_on_customer", "in_progress"),
            (7 * HOUR, "in_progress", "resolved"),
        ],
    )
    # 2: resolved after an hour, opened again a day later, resolved again: twice.
    made.ticket(
        "2",
        "resolved",
        [
            (HOUR, "submitted", "resolved"),
            (DAY, "resolved", "in_progress"),
            (DAY + HOUR, "in_progress", "resolved"),
        ],
    )
    # 3: nothing has happened: a stay that is not over counts no time.
    made.ticket("3", "submitted")
    # 4: one of two changes at the same second is of another order by id: 0 seconds in progress.
    made.ticket(
        "4",
        "waiting_on_customer",
        [(60, "submitted", "in_progress"), (60, "in_progress", "waiting_on_customer")],
    )
    # 5: a part that tells of no other state is no move.
    made.ticket("5", "in_progress", [(60, "in_progress", "in_progress")])

    # Fin uses 11 in two conversations, of which it resolves one; 12 has numbers of Intercom's.
    made.article("11", author_id=0)
    made.article(
        "12",
        state="draft",
        statistics={
            "views": 70,
            "conversions": 7,
            "reactions": 10,
            "happy_reaction_percentage": 40.0,
        },
    )
    eleven = ("article", "/a/apps/x/articles/articles/11/show?content=article&id=11")
    snippet = ("content_snippet", "/a/apps/x/snippets/11?content=snippet&id=11")

    # c1 came in January, half an hour before February begins in London. It talks twice, the second
    # time after 6 days: within 7 and 30.
    made.contact(USER, "user", LAST_OF_JANUARY)
    made.talk("1", USER, FEBRUARY, **cited(eleven, snippet, state="assumed_resolution"))
    made.talk("2", USER, FEBRUARY + 6 * DAY, state="open", **rated(5), company={"id": "co1"})
    # c2 signed up in February, however early it was made; again after 20 days: within 30 only.
    made.contact("c2", "user", LAST_OF_JANUARY - 90 * DAY, FEBRUARY)
    made.talk("3", "c2", FEBRUARY, **cited(eleven, state="escalated"), company={"id": "co1"})
    made.talk("4", "c2", FEBRUARY + 20 * DAY, **rated(2), company={"id": "co2"})
    # c3 is a lead that never talked; c4 tried Fin in a preview, which is no involvement.
    made.contact("c3", "lead", FEBRUARY)
    made.contact("c4", "lead", FEBRUARY)
    preview = cited(eleven, state="assumed_resolution", source_type="profile_preview")
    # The tag was renamed; it was put on a day after the conversation began.
    made.talk("5", "c4", MONDAY, **preview, **tagged(("7", "VIP", MONDAY + DAY)))
    # Two tags, of which nobody knows since when: they count for its first day. Two topics.
    made.talk(
        "6",
        "c4",
        MONDAY,
        contacts={
            "type": "contact.list",
            "contacts": [{"type": "contact", "id": "c4"}, {"type": "contact", "id": USER}],
        },
        **tagged(("7", "vip", None), ("8", "Bug", None)),
        **about((90, "Refunds"), (91, "Parcels")),
    )
    made.talk(
        "7", "c4", MONDAY + 14 * HOUR, **tagged(("7", "VIP", MONDAY)), **about((90, "Refunds"))
    )

    for id, name in (("co1", "Acme"), ("co2", "Globex"), ("co3", "Initech")):
        made.companies.append(
            {"id": id, "company_id": f"own-{id}", "name": name, "monthly_spend": 12.5}
            | {"plan": {"type": "plan", "id": "1", "name": "Pro"}, "user_count": 3}
            | {"created_at": FEBRUARY, "updated_at": MONDAY, "last_request_at": MONDAY}
        )
    return made


def fill(store: Warehouse, made: Around, runs: int = 1, time_zone: str | None = None) -> None:
    """Lands it in so many runs, and builds the models after each."""
    land(store, "workspace", WORKSPACE)
    everything = {
        "contacts": made.contacts,
        "companies": made.companies,
        "tickets": made.tickets,
        "ticket_parts": made.ticket_parts,
        "articles": made.articles,
        "conversations": made.desk.conversations,
        "conversation_parts": made.desk.parts,
    }
    for run in range(runs):
        for stream, records in everything.items():
            land(store, stream, records[run::runs])
        build(store, time_zone)
