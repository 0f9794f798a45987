"""Who has which tags, companies, notes and subscriptions: the whole lists behind the cut ones."""

from __future__ import annotations

from intercom_assets.sandbox import words
from intercom_assets.sandbox.plan import Plan, Record
from intercom_assets.sandbox.sublists import SHOWN

_FIRST_NOTE = 17_495_962
# More than a page of any sub-list, which is at most 60 long.
_MANY_NOTES = 65
# One contact in so many has every list too long to be embedded whole.
_RICH_EVERY = 150


class Memberships:
    """Deals out sub-lists; most contacts get none, some exactly ten, some more."""

    def __init__(
        self,
        plan: Plan,
        tags: list[Record],
        companies: list[Record],
        subscriptions: list[Record],
        admins: list[Record],
    ) -> None:
        self._rng = plan.rng("memberships")
        self._tags = tags
        self._companies = companies
        self._subscriptions = subscriptions
        self._admins = admins
        self._notes = 0

    def of(self, contact: Record, n: int) -> dict[str, list[Record]]:
        """The lists of the nth contact that are not empty."""
        tags = self._deal(self._tags, _size(n, one_in=7, rest=0))
        lists = {
            "tags": [self.applied(tag, contact) for tag in tags],
            "companies": self._deal(self._companies, _size(n, one_in=3, rest=1)),
            "notes": self._notes_on(contact, n),
            "subscriptions": self._deal(self._subscriptions, _size(n, one_in=11, rest=2)),
        }
        return {kind: records for kind, records in lists.items() if records}

    def _notes_on(self, contact: Record, n: int) -> list[Record]:
        many = n % (_RICH_EVERY * 30) == 33
        count = _MANY_NOTES if many else _size(n, one_in=19, rest=3)
        return [self.note(contact["updated_at"], contact=contact) for _ in range(count)]

    def applied(self, tag: Record, contact: Record) -> Record:
        """A tag as it reads on the contact it was applied to."""
        by = self._some_admin()
        applied_by = {"type": "admin", "id": by["id"]} if by else None
        return {**tag, "applied_at": contact["updated_at"], "applied_by": applied_by}

    def note(
        self, at: int, *, contact: Record | None = None, company: Record | None = None
    ) -> Record:
        """A note on a contact or a company."""
        self._notes += 1
        body = words.BODIES[self._notes % len(words.BODIES)]
        return {
            "type": "note",
            "id": str(_FIRST_NOTE + self._notes),
            "created_at": at,
            "contact": contact and {"type": "contact", "id": contact["id"]},
            "company": company and {"type": "company", "id": company["id"]},
            "author": self._some_admin(),
            "body": f"{body}<p>Note {self._notes}</p>",
        }

    def _some_admin(self) -> Record | None:
        return self._admins[self._notes % len(self._admins)] if self._admins else None

    def _deal(self, records: list[Record], count: int) -> list[Record]:
        """That many neighbours from a random place on; no record twice."""
        if not count or not records:
            return []
        first = int(self._rng.random() * len(records))
        return [records[(first + k) % len(records)] for k in range(min(count, len(records)))]


def _size(n: int, one_in: int, rest: int) -> int:
    if n % _RICH_EVERY == 7:
        return SHOWN + 14
    if n % _RICH_EVERY == 8:
        return SHOWN
    if n % _RICH_EVERY == 9:
        return SHOWN + 1
    return 1 + n // one_in % 3 if n % one_in == rest else 0
