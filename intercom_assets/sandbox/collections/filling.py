"""Makes the records of declared collections, and more of them later on."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from intercom_assets.sandbox.collections.declaration import Collection
from intercom_assets.sandbox.collections.values import Others, Slot
from intercom_assets.sandbox.moments import Moments
from intercom_assets.sandbox.plan import Plan, Record


class Maker:
    """Makes records of one collection, each from equal plans alike.

    Args:
        plan: The workspace's plan.
        collection: The declaration.
        others: What records may refer to.
    """

    def __init__(self, plan: Plan, collection: Collection, others: Others) -> None:
        self._plan = plan
        self._collection = collection
        self._others = others
        self._numbers = count()
        self._rng = plan.rng(collection.name)
        self._moments = Moments(plan, collection.name)

    def first(self, parent: Record | None = None) -> list[Record]:
        """The records that there are from the start; of a child, those of one parent."""
        size = self._collection.size
        if parent is not None:
            size = self._rng.randint(0, size)
        moments = sorted(self._moments.draw() for _ in range(size))
        return [self.make(at, parent, self._moments.before(at, self._plan.span)) for at in moments]

    def make(self, at: int, parent: Record | None = None, created_at: int | None = None) -> Record:
        """One more record, made at a time."""
        return self._values(self._collection.fields, at, parent, created_at)

    def changed(self, at: int, parent: Record | None = None) -> Record:
        """The fields that a busy minute changes, with new values."""
        return self._values(self._collection.changed, at, parent, None)

    def _values(
        self,
        fields: Mapping[str, Any],
        at: int,
        parent: Record | None,
        created_at: int | None,
    ) -> Record:
        slot = Slot(
            next(self._numbers),
            at,
            at if created_at is None else created_at,
            self._rng,
            self._plan,
            self._others,
            parent,
        )
        return {name: value(slot) if callable(value) else value for name, value in fields.items()}
