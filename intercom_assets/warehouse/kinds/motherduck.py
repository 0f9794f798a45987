"""MotherDuck. It is opened and written as a file is; no test has seen the service itself."""

from __future__ import annotations

from intercom_assets.warehouse.kinds.file import connect
from intercom_assets.warehouse.kinds.kind import Kind

MOTHERDUCK = Kind(connect, attempts=20, away=("Connection refused", "UNAVAILABLE"))
