"""Companies, as the scroll answers them."""

from __future__ import annotations

from intercom_assets.sandbox import words
from intercom_assets.sandbox.attributes import custom_values
from intercom_assets.sandbox.plan import DAY, Plan, Record
from intercom_assets.sandbox.sublists import company_notes

_ABSENT_WHEN_UNKNOWN = ("last_request_at", "remote_created_at", "website", "industry", "size")


class Companies:
    """Makes companies, one after the other."""

    def __init__(self, plan: Plan, tags: list[Record], segments: list[Record]) -> None:
        self._plan = plan
        self._tags = tags
        self._segments = segments
        self._rng = plan.rng("companies")
        self._made = 0

    def make(self, created_at: int, updated_at: int) -> Record:
        n = self._made
        self._made += 1
        ident = self._plan.hex_id("company", n)
        record: Record = {
            "type": "company",
            "company_id": f"cust-{n}" if n % 4 else str(n),
            "id": ident,
            "app_id": self._plan.id_code,
            "name": f"{words.COMPANY_NAMES[n % len(words.COMPANY_NAMES)]} {n}",
            "created_at": created_at,
            "updated_at": updated_at,
            # A whole number is an integer on the wire, and others are not.
            "monthly_spend": n * 10 if n % 3 else n * 10 + 0.99,
            "session_count": int(self._rng.random() * 5000),
            "user_count": 0,
            "plan": self._price_plan(n),
            "custom_attributes": custom_values(n),
            "tags": {"type": "tag.list", "tags": self._some(self._tags, n)},
            "segments": {"type": "segment.list", "segments": self._some(self._segments, n)},
            "notes": company_notes(ident, ()),
        }
        record.update(self._profile(n, created_at, updated_at))
        return record

    def _price_plan(self, n: int) -> Record | None:
        if n % 5 == 3:
            return None
        if n % 5 == 4:
            return {}
        kind = n % len(words.PLANS)
        return {"type": "plan", "id": str(kind + 1), "name": words.PLANS[kind]}

    def _profile(self, n: int, created_at: int, updated_at: int) -> Record:
        """What is null, or missing altogether, where nobody filled it in."""
        profile: Record = {
            "remote_created_at": created_at - n % 400 * DAY,
            "last_request_at": updated_at if n % 3 else None,
            "size": int(self._rng.random() * 2000),
            "website": f"https://company{n}.example.com/?q=ü",
            "industry": words.INDUSTRIES[n % len(words.INDUSTRIES)],
        }
        if n % 7 == 6:
            for key in _ABSENT_WHEN_UNKNOWN:
                del profile[key]
        return profile

    def _some(self, records: list[Record], n: int) -> list[Record]:
        """Up to two records, whole and not as stubs."""
        if not records or n % 3 == 0:
            return []
        count = min(n % 3, len(records))
        return [dict(records[(n + k) % len(records)]) for k in range(count)]
