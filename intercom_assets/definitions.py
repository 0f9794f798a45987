"""The package as a code location, for which the environment says everything."""

import dagster as dg

from intercom_assets.builder import build_intercom_definitions, steps_executor

__all__ = ["build_intercom_definitions", "defs", "steps_executor"]

# Nobody else's assets are in it, so that the executor may be.
defs = dg.Definitions.merge(build_intercom_definitions(), dg.Definitions(executor=steps_executor()))
