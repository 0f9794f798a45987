"""Intercom in DuckDB, as Dagster software-defined assets.

The names below are loaded when they are asked for, so that `intercom_assets.client` and
`intercom_assets.streams` can be used without importing Dagster.
"""

from importlib import import_module
from typing import Any

from intercom_assets.version import __version__

_HOMES = {
    "defs": "definitions",
    "IntercomResource": "resources",
    "IntercomDuckDBIOManager": "io_manager",
    "SyncConfig": "assets",
    "build_intercom_assets": "assets",
}

__all__ = [
    "IntercomDuckDBIOManager",
    "IntercomResource",
    "SyncConfig",
    "__version__",
    "build_intercom_assets",
    "defs",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    # Dagster finds `defs` by listing the module.
    return sorted({*globals(), *_HOMES})
