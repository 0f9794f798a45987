"""What teammates work with."""

from __future__ import annotations

from typing import Any, ClassVar

from intercom_assets.streams.base import SUPPORT
from intercom_assets.streams.changed import ChangedStream
from intercom_assets.streams.whole import FullTableStream


class Macros(ChangedStream):
    """Saved replies."""

    tap_stream_id = "macros"
    group = SUPPORT
    since = "2.16"
    path = "/macros"
    docs_page = "macros/listmacros"
    data_key = "data"
    params: ClassVar[dict[str, Any]] = {"per_page": 150}
    changed_after = "updated_since"
    plain = "id type name visible_to"
    bodies = ("body", "body_text")


class SlaRules(FullTableStream):
    """Service level agreements as rules."""

    tap_stream_id = "sla_rules"
    group = SUPPORT
    default = False
    since = "Preview"
    path = "/sla_rules"
    docs_page = "sla-rules/listslarules"
    data_key = "data"
    plain = "id type name"
