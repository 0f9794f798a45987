"""Phone and video calls."""

from __future__ import annotations

from typing import Any, ClassVar

from intercom_assets.streams.base import SUPPORT
from intercom_assets.streams.whole import IncrementalStream


class Calls(IncrementalStream):
    """Calls. Their list has neither a filter nor a documented order."""

    tap_stream_id = "calls"
    group = SUPPORT
    default = False
    since = "2.14"
    path = "/calls"
    params: ClassVar[dict[str, Any]] = {"per_page": 25}
    docs_page = "calls/listcalls"
    data_key = "data"
    plain = "id type conversation_id admin_id contact_id state call_type direction ended_reason"
