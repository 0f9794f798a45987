"""Takes one person out of every table. Knows neither Dagster nor Intercom's HTTP API."""

from intercom_assets.erasure.erase import Erased, erase
from intercom_assets.erasure.search import NotErasable

__all__ = ["Erased", "NotErasable", "erase"]
