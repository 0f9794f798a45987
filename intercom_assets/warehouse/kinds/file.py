"""A DuckDB file."""

from __future__ import annotations

from intercom_assets.warehouse.kinds.kind import Kind

FILE = Kind(layout=1, shares_books=True)
