"""How a workspace is set up."""

from __future__ import annotations

from intercom_assets.sandbox.collections.declaration import Collection
from intercom_assets.sandbox.collections.values import created, cycle, serial, updated

BRANDS = Collection(
    "brands",
    "/brands",
    since=(2, 15),
    size=3,
    fields={
        "type": "brand",
        # The default brand has the workspace's id.
        "id": lambda slot: slot.plan.id_code if slot.n == 0 else serial(10)(slot),
        "name": cycle("Default Brand", "Löwen & Söhne", "Second Brand"),
        "is_default": lambda slot: slot.n == 0,
        "created_at": created,
        "updated_at": updated,
        "help_center_id": cycle("10", None, "11"),
        "default_address_settings_id": cycle("15", None),
    },
)
