"""When the workspace is open."""

from __future__ import annotations

from intercom_assets.streams.base import WORKSPACE
from intercom_assets.streams.whole import ChildTableStream, FullTableStream


class OfficeHoursSchedules(FullTableStream):
    """Weekly office hours."""

    tap_stream_id = "office_hours_schedules"
    group = WORKSPACE
    since = "2.16"
    path = "/office_hours_schedules"
    docs_page = "office-hours/listofficehoursschedules"
    data_key = "data"
    plain = "id type name time_zone_name"


class OfficeHoursExceptions(ChildTableStream):
    """Days on which they differ."""

    tap_stream_id = "office_hours_exceptions"
    group = WORKSPACE
    since = "2.16"
    parent = OfficeHoursSchedules
    parent_id = "schedule_id"
    path = "/office_hours_schedules/{id}/office_hours_exceptions"
    docs_page = "office-hours/listofficehoursexceptions"
    data_key = "data"
    plain = "id schedule_id type office_hours_schedule_id exception_date exception_type name"
