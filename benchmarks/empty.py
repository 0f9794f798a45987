"""Twelve assets that do nothing: what Dagster itself takes for a run like ours."""

import dagster as dg

from intercom_assets.streams import STREAMS


def _asset(name: str) -> dg.AssetsDefinition:
    @dg.asset(name=name)
    def empty() -> None: ...

    return empty


defs = dg.Definitions(assets=[_asset(name) for name in STREAMS], executor=dg.in_process_executor)
