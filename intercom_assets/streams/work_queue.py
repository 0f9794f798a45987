"""Parents whose children are outstanding, and the children that were read of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from intercom_assets.client.errors import IntercomError
from intercom_assets.streams.records import Gone, Parent
from intercom_assets.streams.transform import Record


class WorkQueue(Protocol):
    """Parents whose children are not stored, or not in their newest form.

    Attributes:
        total: How many there were, once the first of them have been read.
        stored: How many parents there are in all, from then on.
    """

    total: int
    stored: int

    def bookmark(self) -> int:
        """Up to where the parents themselves are complete, epoch seconds."""

    def pages(self, since: int, settled_after: int, before: int | None) -> Iterator[list[Parent]]:
        """Outstanding parents, oldest change first.

        Args:
            since: Only parents that changed at or after this, epoch seconds.
            settled_after: Seconds after its change from which a parent counts as settled.
            before: Parents whose children were read up to this second are outstanding, too.
        """


@dataclass(frozen=True)
class Family:
    """One parent's children.

    Attributes:
        parent: The parent, with when its children were read; without, if they could not be.
        records: The children in regular form.
        size: Bytes of the answers.
        problem: Why they could not be read.
        gone: The parent, if it is told to be gone.
    """

    parent: Parent
    records: list[Record]
    size: int = 0
    problem: IntercomError | None = None
    gone: tuple[Gone, ...] = ()
