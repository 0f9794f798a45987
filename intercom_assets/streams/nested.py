"""Lists inside the records of another stream, which land in a table of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from intercom_assets.streams.base import INCREMENTAL, BaseStream, noun_of
from intercom_assets.streams.records import Batch, Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.transform import Record, unwrap


class NestedStream(BaseStream):
    """A list inside each record of its parent, without a call of its own.

    Whoever reads the parent gets both, and with them the one state that holds for both.

    Attributes:
        parent_id: The column that carries the parent's id.
        inside: Where the list is in the parent's record, such as ``ticket_parts.ticket_parts``, or
            its envelope. The first field is taken out of the record.
    """

    parent_id: ClassVar[str]
    inside: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if cls.parent:
            cls.path = cls.parent.path
            cls.references = cls.references or {cls.parent_id: "id"}
            cls.replication_method = cls.parent.replication_method
            if cls.replication_method == INCREMENTAL:
                cls.replication_key = f"{noun_of(cls.parent_id)}_updated_at"
                cls.context_columns = (*cls.context_columns, cls.replication_key)
            cls.parent.nested = (*cls.parent.nested, cls)
        super().__init_subclass__()

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields what the parent's batches hold of this stream."""
        parents = type(self).parent(self.client)  # type: ignore[misc]
        for batch in parents.batches(state, run):
            records = batch.nested.get(self.tap_stream_id, [])
            # What a parent no longer holds may be held by none, or by nobody any more.
            yield replace(batch, records=records, nested={}, sweep=False)

    def taken_from(self, parent: Record) -> list[Record] | None:
        """The list of a parent, in regular form; it is taken out of the parent.

        Args:
            parent: A record as Intercom sent it.

        Returns:
            The rows; None if there is no list, in which case nothing is taken out.
        """
        found: Any = parent
        for name in self.inside.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict):
            found = unwrap(found)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            return None
        context = self.context(parent, found)
        del parent[self.inside.partition(".")[0]]
        return self.regular_records([{**item, **context} for item in found])

    def context(self, parent: Mapping[str, Any], items: list[Record]) -> dict[str, Any]:
        """What each row tells of its parent.

        Args:
            parent: The parent's record.
            items: All of its list.
        """
        told = {self.parent_id: parent.get("id")}
        if self.replication_key:
            told[self.replication_key] = parent.get("updated_at")
        return told
