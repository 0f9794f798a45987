"""How a workspace is set up."""

from __future__ import annotations

from intercom_assets.sandbox.collections.declaration import Collection, Paging
from intercom_assets.sandbox.collections.values import (
    created,
    cycle,
    number,
    numbered,
    of_parent,
    serial,
    some,
    updated,
)

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

AWAY_STATUS_REASONS = Collection(
    "away_status_reasons",
    "/away_status_reasons",
    since=(2, 14),
    size=4,
    fields={
        "type": "away_status_reason",
        "id": serial(13_564),
        "label": cycle("On a break", "Mittag", "Training"),
        "emoji": cycle("☕", "🍽️", ""),
        "order": number(1),
        "deleted": lambda slot: slot.n == 3,
        "created_at": created,
        "updated_at": updated,
    },
)

EMAIL_SETTINGS = Collection(
    "email_settings",
    "/emails",
    since=(2, 15),
    size=2,
    fields={
        "type": "email_setting",
        "id": serial(10),
        "email": cycle("support@example.com", "hilfe@example.org"),
        "verified": cycle(True, False),
        "domain": cycle("example.com", "example.org"),
        "brand_id": some("brands"),
        "forwarding_enabled": cycle(True, False),
        "forwarded_email_last_received_at": cycle(1_710_498_600, None),
        "created_at": created,
        "updated_at": updated,
    },
)

AUDIENCES = Collection(
    "audiences",
    "/audiences",
    since=(2, 16),
    paging=Paging.COUNTED,
    per_page=2,
    most=50,
    size=5,
    fields={
        "type": "audience",
        "id": serial(123),
        "name": numbered("Audience {}"),
        "predicates": cycle(
            [
                {
                    "attribute": "company.name",
                    "type": "string",
                    "comparison": "contains",
                    "value": "Acme",
                }
            ],
            [],
        ),
        "role_predicates": [],
        "created_at": created,
        "updated_at": updated,
    },
)

TEAM_METRICS = Collection(
    "team_metrics",
    "/teams/{id}/metrics",
    since=(2, 16),
    kind="team_metric.list",
    parent="teams",
    parent_id="team_id",
    id="admin_id",
    observed_at="observed_at",
    size=4,
    fields={
        "type": "team_metric",
        "admin_id": serial(814_860),
        "open": number(5),
        "idle": cycle(0, 2),
        "snoozed": cycle(1, 0, 3),
    },
)

CUSTOM_OBJECT_INSTANCES = Collection(
    "custom_object_instances",
    "/custom_object_instances/{id}",
    since=(2, 16),
    paging=Paging.NUMBERED,
    per_page=10,
    most=150,
    parent_id="type",
    kinds=("Order", "Abonnement"),
    size=25,
    fields={
        "id": serial(16_032_025),
        "type": of_parent("id"),
        "external_id": numbered("order-{}"),
        "external_created_at": cycle(1_571_672_154, None),
        "external_updated_at": cycle(1_571_672_154, None),
        "created_at": created,
        "updated_at": updated,
        "custom_attributes": lambda slot: {"total": slot.n * 1.5, "größe": "M", "paid": None},
    },
)

ROLES = Collection(
    "roles",
    "/roles",
    since=(2, 18),
    size=3,
    fields={
        "type": "role",
        "id": serial(70),
        "name": cycle("Admin", "Agent", "Prüferin"),
        "description": cycle("May do everything", None),
    },
)
