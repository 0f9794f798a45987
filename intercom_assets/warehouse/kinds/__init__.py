"""Kinds of warehouses: what differs from one to the other, a file each."""

from __future__ import annotations

from intercom_assets.warehouse.errors import DatabaseUnavailable
from intercom_assets.warehouse.kinds.ducklake import DUCKLAKE
from intercom_assets.warehouse.kinds.file import FILE
from intercom_assets.warehouse.kinds.kind import Kind
from intercom_assets.warehouse.kinds.motherduck import MOTHERDUCK

__all__ = ["DUCKLAKE", "FILE", "MOTHERDUCK", "Kind", "kind_of"]

_KINDS = {"ducklake": DUCKLAKE, "md": MOTHERDUCK, "motherduck": MOTHERDUCK}
# What DuckDB can attach and does not write safely. Through its Postgres extension a delete by rowid
# deletes nothing, and says nothing (seen with 1.5.5).
_READ_ONLY = {"postgres", "postgresql", "mysql", "sqlite", "quack", "iceberg", "delta"}


def kind_of(database: str) -> Kind:
    """The kind of a warehouse.

    Args:
        database: What DuckDB opens.

    Raises:
        DatabaseUnavailable: When it is something that cannot be written safely.
    """
    scheme = database.strip().split(":", 1)[0].casefold() if ":" in database else ""
    if scheme in _READ_ONLY:
        raise DatabaseUnavailable(
            f"a warehouse that is {scheme}:... cannot be written through DuckDB without losing "
            "rows: use a DuckDB file, md:... or ducklake:..., whose catalogue may be in Postgres"
        )
    return _KINDS.get(scheme, FILE)
