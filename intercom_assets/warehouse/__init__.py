"""Landing of records in DuckDB. Knows neither Dagster nor Intercom's HTTP API."""

from intercom_assets.warehouse.database import HoldsTables, Warehouse
from intercom_assets.warehouse.landing import Landing

__all__ = ["HoldsTables", "Landing", "Warehouse"]
