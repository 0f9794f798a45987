"""What people are told."""

from __future__ import annotations

from typing import Any

from intercom_assets.sandbox.collections.declaration import Collection
from intercom_assets.sandbox.collections.values import Slot, cycle, serial


def _english(slot: Slot) -> dict[str, Any]:
    return {"name": f"Newsletter {slot.n + 1}", "description": "News of ours", "locale": "en"}


def _german(slot: Slot) -> dict[str, Any]:
    return {"name": f"Rundbrief {slot.n + 1}", "description": "Neues von uns", "locale": "de"}


def _translations(slot: Slot) -> list[dict[str, Any]]:
    return [_english(slot)] if slot.n % 3 else [_english(slot), _german(slot)]


SUBSCRIPTION_TYPES = Collection(
    "subscription_types",
    "/subscription_types",
    # A contact may have opted in to more than ten, and out of more than ten.
    size=24,
    fields={
        "type": "subscription",
        "id": serial(91),
        "state": lambda slot: "archived" if slot.n % 11 == 10 else "live",
        "consent_type": cycle("opt_out", "opt_in"),
        "default_translation": _english,
        "translations": _translations,
        "content_types": cycle(["email"], ["sms_message"], ["email", "sms_message"]),
    },
)
