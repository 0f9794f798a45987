"""Conversations, as search answers them: without their parts."""

from __future__ import annotations

from intercom_assets.sandbox import agents, authors, measures, words
from intercom_assets.sandbox.plan import DAY, Plan, Record
from intercom_assets.sandbox.sources import Sources
from intercom_assets.sandbox.tickets.tickets import linked

_FIRST_CONVERSATION = 9_900  # the ids pass from four digits to five
_STATES = ("open", "closed", "closed", "snoozed", "closed")
_PRIORITIES = ("none", "low", "medium", "high", "urgent")
_SLA_STATUSES = ("hit", "missed", "active", "cancelled")
_UNANSWERED_RATING: Record = dict.fromkeys(
    ("rating", "remark", "created_at", "updated_at", "contact", "teammate")
)


class Conversations:
    """Makes conversations, one after the other; each feature has a rhythm of its own."""

    def __init__(
        self,
        plan: Plan,
        admins: list[Record],
        teams: list[Record],
        tags: list[Record],
        companies: list[Record],
    ) -> None:
        self._plan = plan
        self._admins = admins
        self._teams = teams
        self._tags = tags
        self._companies = companies
        self._sources = Sources(plan, admins)
        self._made = 0

    def next_id(self) -> str:
        """Takes an id; one that is taken and not used is a conversation deleted since."""
        self._made += 1
        return self._id(self._made - 1)

    def _id(self, n: int) -> str:
        return str(_FIRST_CONVERSATION + n * 3 + self._plan.seed % 50)

    def make(
        self, created_at: int, updated_at: int, contacts: list[Record], parts: list[Record]
    ) -> Record:
        n = self._made
        record: Record = {"type": "conversation", "id": self.next_id()}
        author = authors.of_contact(contacts[0]) if contacts else authors.UNKNOWN_CONTACT
        record.update(created_at=created_at, updated_at=updated_at)
        record.update(self._content(n, author, contacts))
        record.update(self._standing(n, updated_at))
        record.update(self._sorting(n, created_at))
        record.update(self._outcome(n, created_at, updated_at, contacts, parts))
        record.update(_automation(n, updated_at))
        record.update(self._relations(n))
        return record

    def _content(self, n: int, author: Record, contacts: list[Record]) -> Record:
        references = [
            {"type": "contact", "id": contact["id"], "external_id": contact["external_id"]}
            for contact in contacts
        ]
        return {
            "title": words.TITLES[n % len(words.TITLES)] if n % 3 == 0 else None,
            "source": self._sources.make(n, author),
            "contacts": {"type": "contact.list", "contacts": references},
            "custom_attributes": _custom(n),
            "channel": {
                "initial": ("messenger", "email", "zendesk_ticket", None)[n % 4],
                "current": ("messenger", "email", "email", None)[n % 4],
            },
        }

    def _standing(self, n: int, updated_at: int) -> Record:
        """Its state, and who has to do with it; nobody is 0, not null, in API 2.16."""
        state = _STATES[n % len(_STATES)]
        # Every third conversation waits unassigned.
        admin = self._admins[n % len(self._admins)] if self._admins and n % 3 else None
        team = self._teams[n % len(self._teams)] if self._teams and n % 4 else None
        return {
            "state": state,
            "open": state == "open",
            "read": n % 2 == 0,
            "priority": _PRIORITIES[n % len(_PRIORITIES)] if n % 2 else "none",
            "waiting_since": updated_at if state == "open" else None,
            "snoozed_until": self._plan.anchor + n % 30 * DAY if state == "snoozed" else None,
            "admin_assignee_id": int(admin["id"]) if admin else 0,
            "team_assignee_id": int(team["id"]) if team else 0,
            "teammates": self._teammates(n, admin),
        }

    def _teammates(self, n: int, admin: Record | None) -> Record | None:
        if admin is None:
            return None if n % 2 else {"type": "admin.list", "admins": []}
        references = [{"type": "admin", "id": admin["id"]}]
        if n % 5 == 0:
            references.append({"type": "admin", "id": authors.DEPARTED["id"]})
        return {"type": "admin.list", "admins": references}

    def _sorting(self, n: int, created_at: int) -> Record:
        by = {"type": "admin", "id": authors.DEPARTED["id"]}
        tags = self._tags[n % 7 : n % 7 + 1 + n % 3] if n % 4 == 1 else []
        applied = [{**tag, "applied_at": created_at, "applied_by": by} for tag in tags]
        topics = [{"type": "topic", "id": n % 9 + 1, "name": "Billing 💶"}] if n % 6 == 2 else []
        listed = {"type": "topic.list", "topics": topics, "total_count": len(topics)}
        return {
            "tags": {"type": "tag.list", "tags": applied},
            "topics": listed if topics else {},
        }

    def _outcome(
        self,
        n: int,
        created_at: int,
        updated_at: int,
        contacts: list[Record],
        parts: list[Record],
    ) -> Record:
        team = self._teams[n % len(self._teams)] if self._teams else None
        replied = {
            "created_at": created_at,
            "type": "conversation",
            "url": f"https://app.example.com/page/{n}" if n % 4 else None,
        }
        return {
            "statistics": measures.measure(created_at, parts, team) if parts else _unmeasured(n),
            "first_contact_reply": replied if n % 5 else None,
            "conversation_rating": self._rating(n, updated_at, contacts),
            "sla_applied": _sla(n),
        }

    def _rating(self, n: int, at: int, contacts: list[Record]) -> Record | None:
        if n % 3 or not contacts:
            return None
        if n % 9 == 3:
            return dict(_UNANSWERED_RATING)
        contact = contacts[0]
        reference = {"type": "contact", "id": contact["id"], "external_id": contact["external_id"]}
        teammate = self._admins[n % len(self._admins)]["id"] if self._admins else None
        return {
            "rating": n % 5 + 1,
            "remark": ("Great!", "", "👎", None)[n % 4],
            "created_at": at,
            "updated_at": at,
            "contact": reference,
            "teammate": {"type": "admin", "id": teammate},
        }

    def _relations(self, n: int) -> Record:
        """The objects beside it, tickets apart; the company is a picture of the moment."""
        earlier = {"type": "conversation", "id": self._id(max(n - 1, 0)), "category": None}
        company = self._companies[n % len(self._companies)] if self._companies else None
        return {
            "linked_objects": linked([earlier] if n % 8 == 7 else []),
            "external_references": [{"type": "zendesk_ticket", "id": str(3_633_338 + n)}]
            if n % 7 == 4
            else [],
            "ticket": None,
            "company": dict(company) if company and n % 5 == 2 else None,
        }


def _unmeasured(n: int) -> Record | None:
    """A fresh conversation has no statistics, or empty ones."""
    return None if n % 2 else measures.fresh(0)


def _sla(n: int) -> Record | None:
    if n % 4 != 2:
        return None
    status = None if n % 16 == 14 else _SLA_STATUSES[n // 4 % len(_SLA_STATUSES)]
    return {"type": "conversation_sla_summary", "sla_name": "Gold 🥇", "sla_status": status}


def _automation(n: int, at: int) -> Record:
    answered, sold = n % 3 == 1, n % 10 == 6
    return {
        "ai_agent_participated": answered,
        "ai_agent": agents.ai_agent(n // 3, at) if answered else None,
        "sales_agent_participated": sold,
        "sales_agent": agents.sales_agent(n // 10) if sold else None,
    }


def _custom(n: int) -> Record:
    """Custom attributes, whose types change from one conversation to the next."""
    if n % 4 == 0:
        return {}
    return {
        "CX Score rating": n % 5 + 1,
        "CX Score explanation": "The customer left happy. ☺️",
        "Größe.cm": (180, 1.8, "1,80 m", True, None)[n % 5],
        "due": 1_700_000_000 if n % 2 else "2023-11-14T22:13:20.000+00:00",
        'Has "quotes"': n % 2 == 0,
        "ledger": 2**53 + n,
        "Order": {"type": "order.list", "instances": [{"id": str(n), "external_id": f"o-{n}"}]},
    }
