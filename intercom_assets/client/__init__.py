"""HTTP to Intercom. Knows no stream, and neither Dagster nor DuckDB."""

from intercom_assets.client.client import Answer, IntercomClient

__all__ = ["Answer", "IntercomClient"]
