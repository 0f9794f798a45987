"""What teammates and apps did in the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from intercom_assets.client.pagination import Page, items_of
from intercom_assets.streams.base import WORKSPACE
from intercom_assets.streams.changed import ChangedStream
from intercom_assets.streams.whole import FullTableStream


class ActivityLogs(ChangedStream):
    """Activities, which only ever come."""

    tap_stream_id = "activity_logs"
    group = WORKSPACE
    replication_key = "created_at"
    append = True
    path = "/admins/activity_logs"
    params: ClassVar[dict[str, Any]] = {"per_page": 250}
    changed_after = "created_at_after"
    changed_before = "created_at_before"
    tells_total = True
    docs_page = "admins/listactivitylogs"
    data_key = "activity_logs"
    plain = "id activity_type"


class ActivityLogEventTypes(FullTableStream):
    """Kinds of activity: a list of words."""

    tap_stream_id = "activity_log_event_types"
    group = WORKSPACE
    since = "2.16"
    key_properties: ClassVar[list[str]] = ["name"]
    path = "/admins/activity_log_event_types"
    docs_page = "admins/listactivitylogeventtypes"
    data_key = "event_types"
    plain = "name"

    def pages(self) -> Iterator[Page]:
        """One page, a record a word."""
        answer = self.client.get(self.path)
        words = items_of(answer.body, self.data_key, f"GET {self.path}")
        yield Page([{"name": word} for word in words if word], answer.size, answer.at)
