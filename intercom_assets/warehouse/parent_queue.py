"""A work queue over one table's rows whose children belong in another table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from duckdb import DuckDBPyConnection

from intercom_assets.streams.records import Parent
from intercom_assets.warehouse.database import Warehouse
from intercom_assets.warehouse.names import DELETED_AT, path, quote
from intercom_assets.warehouse.spec import TableSpec

# A page costs a look at all parents, seconds among millions, and a parent some 300 bytes.
PARENTS_PER_PAGE = 20_000


class ParentQueue:
    """Parents in one table whose children belong in another.

    Args:
        warehouse: Where both tables are.
        child: The children's table.
        parent: The parents' table, with ``id`` and ``updated_at``.
        spec: Of the children's table: which parents, and what of them.

    Attributes:
        total: How many were outstanding when the first of them were read.
        stored: How many parents there were then.
    """

    def __init__(self, warehouse: Warehouse, child: str, parent: str, spec: TableSpec) -> None:
        self._warehouse = warehouse
        self._child = child
        self._parent = parent
        self._spec = spec
        self.total = self.stored = 0

    def bookmark(self) -> int:
        """Up to where the parents are complete, epoch seconds."""
        return self._warehouse.ask(lambda c: self._warehouse.books(c).bookmark(self._parent))

    def pages(self, since: int, settled_after: int, before: int | None) -> Iterator[list[Parent]]:
        """Outstanding parents, oldest change first; no connection is held between two pages.

        Args:
            since: Only parents that changed at or after this, epoch seconds.
            settled_after: Seconds after its change from which a parent counts as settled.
            before: Parents whose children were read up to this second are outstanding, too.
        """
        last, is_first = Parent("", -(2**62)), True
        while True:
            values = {
                "child": self._child,
                "since": since,
                "settled_after": settled_after,
                "before": -1 if before is None else before,
                "changed": last.updated_at,
                "id": last.id,
                **{f"only_{name}": value for name, value in self._spec.parents.items()},
            }
            rows = self._warehouse.ask(partial(self._rows, values))
            if not rows:
                return
            if is_first:
                (_, _, self.total, self.stored, *_), is_first = rows[0], False
            names = self._spec.parent_columns
            page = [
                Parent(id, changed, columns=dict(zip(names, columns, strict=True)))
                for id, changed, _, _, *columns in rows
            ]
            yield page
            last = page[-1]

    def _rows(self, values: Mapping[str, Any], connection: DuckDBPyConnection) -> list[Any]:
        return connection.execute(self._query(connection), dict(values)).fetchall()

    def _query(self, connection: DuckDBPyConnection) -> str:
        # Not by count(*) over (): of no rows it now and then breaks a whole instance of DuckDB 1.5
        # (duckdb/duckdb#22352).
        warehouse = self._warehouse
        ledger = warehouse.books(connection).table("_ledger", self._child)
        columns = "".join(f", {quote(name)}" for name in self._spec.parent_columns)
        only = " and ".join(f"{quote(name)} = $only_{name}" for name in self._spec.parents)
        return f"""
            with parents as (
                select
                    id, coalesce(epoch(try_cast(updated_at as timestamptz)), 0)::bigint as changed
                    {columns}
                from {path(connection, warehouse.schema, self._parent)}
                where {quote(DELETED_AT)} is null and {only or "true"}
            ), outstanding as (
                select parents.* from parents left join {ledger} as ledger
                    on ledger.parent_id = parents.id and ledger.stream = $child
                where parents.changed >= $since and (
                    ledger.parent_id is null
                    or epoch(ledger.updated_at) < parents.changed
                    or epoch(ledger.fetched_at) < parents.changed + $settled_after
                    or epoch(ledger.fetched_at) <= $before
                )
            )
            select
                id, changed, (select count(*) from outstanding), (select count(*) from parents)
                {columns}
            from outstanding
            where (changed, id) > ($changed, $id)
            order by changed, id
            limit {PARENTS_PER_PAGE}
        """
