from collections.abc import Iterable
from typing import Any

import dagster as dg

from intercom_assets import IntercomComponent, IntercomStreamProps, IntercomSync

# What support answers for; everything else is the CRM team's.
SUPPORT = ("conversations", "conversation_parts", "teams", "tags")


class OurIntercom(IntercomComponent):
    """Intercom as this company has it: who owns what, and which assets hold personal data."""

    def get_asset_spec(self, stream: IntercomStreamProps) -> dg.AssetSpec:
        spec = super().get_asset_spec(stream)
        team = "team:support" if stream.name in SUPPORT else "team:crm"
        personal = {"personal_data": "yes"} if "email" in stream.schema["properties"] else {}
        return spec.replace_attributes(owners=[team]).merge_attributes(tags=personal)

    def execute(self, context: dg.AssetExecutionContext, sync: IntercomSync) -> Iterable[Any]:
        context.log.info(f"Reading {sync.stream.name} with {sync.stream.path}")
        yield from super().execute(context, sync)
