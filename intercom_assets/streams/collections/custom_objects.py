"""Custom objects, whose types Intercom does not list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from intercom_assets.client.errors import ConfigError
from intercom_assets.client.pagination import Page
from intercom_assets.streams.base import WORKSPACE
from intercom_assets.streams.whole import FullTableStream


class CustomObjectInstances(FullTableStream):
    """Instances of the custom object types that the settings name, type by type."""

    tap_stream_id = "custom_object_instances"
    group = WORKSPACE
    default = False
    since = "2.16"
    key_properties: ClassVar[list[str]] = ["type", "id"]
    path = "/custom_object_instances/{id}"
    params: ClassVar[dict[str, Any]] = {"per_page": 150}
    docs_page = "custom-object-instances/listcustomobjectinstances"
    data_key = "data"
    plain = "type id external_id"

    def pages(self) -> Iterator[Page]:
        """The pages of each type.

        Raises:
            ConfigError: When no type is named: no call lists them.
        """
        types = self.client.settings.custom_object_types
        if not types:
            raise ConfigError(
                "custom_object_instances needs the names of the custom object types, for Intercom "
                "does not list them: set INTERCOM_CUSTOM_OBJECT_TYPES, such as Order,Subscription"
            )
        for name in types.split(","):
            for page in self.read(self.path.format(id=name)):
                for record in page.records:
                    record.setdefault("type", name)
                yield page
