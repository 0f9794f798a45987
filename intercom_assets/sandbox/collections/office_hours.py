"""When the workspace is open."""

from __future__ import annotations

from intercom_assets.sandbox.collections.declaration import Collection
from intercom_assets.sandbox.collections.values import (
    created,
    cycle,
    numbered,
    of_parent,
    serial,
    updated,
)

_DAY, _OPENS, _CLOSES = 24 * 60, 9 * 60, 17 * 60
_WEEK = [
    {
        "start_minute": day * _DAY + _OPENS,
        "end_minute": day * _DAY + _CLOSES,
        "day_of_week": day,
    }
    for day in range(5)
]

OFFICE_HOURS_SCHEDULES = Collection(
    "office_hours_schedules",
    "/office_hours_schedules",
    since=(2, 16),
    kind="office_hours_schedule.list",
    size=2,
    fields={
        "type": "office_hours_schedule",
        "id": serial(123),
        "name": cycle("Standard", "Rund um die Uhr"),
        "time_zone_name": lambda slot: slot.plan.timezone,
        "time_intervals": cycle(_WEEK, []),
        "twenty_four_seven": lambda slot: slot.n == 1,
        "created_at": created,
        "updated_at": updated,
    },
)

OFFICE_HOURS_EXCEPTIONS = Collection(
    "office_hours_exceptions",
    "/office_hours_schedules/{id}/office_hours_exceptions",
    since=(2, 16),
    kind="office_hours_exception.list",
    parent="office_hours_schedules",
    parent_id="schedule_id",
    size=4,
    fields={
        "type": "office_hours_exception",
        "id": serial(456),
        "office_hours_schedule_id": of_parent("id"),
        "exception_date": numbered("2026-12-{}"),
        "exception_type": cycle("closed", "custom_hours"),
        "name": cycle("Holiday", None),
        "time_intervals": cycle(None, [{"start_minute": 600, "end_minute": 720, "day_of_week": 4}]),
        "recurring_annually": cycle(True, False),
        "created_at": created,
        "updated_at": updated,
    },
)
