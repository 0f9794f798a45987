"""Data connectors, and the calls that they made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from intercom_assets.client.errors import NotFound
from intercom_assets.client.pagination import Page
from intercom_assets.streams.base import WORKSPACE
from intercom_assets.streams.changed import ChangedStream
from intercom_assets.streams.whole import FullTableStream


class DataConnectors(FullTableStream):
    """Connections to other systems."""

    tap_stream_id = "data_connectors"
    group = WORKSPACE
    since = "2.16"
    path = "/data_connectors"
    params: ClassVar[dict[str, Any]] = {"per_page": 50}
    docs_page = "data-connectors/listdataconnectors"
    data_key = "data"
    plain = "id type name state http_method execution_type created_by_admin_id updated_by_admin_id"


class DataConnectorExecutions(ChangedStream):
    """Calls that connectors made, connector by connector."""

    tap_stream_id = "data_connector_executions"
    group = WORKSPACE
    default = False
    since = "2.16"
    parent = DataConnectors
    references: ClassVar[dict[str, str]] = {"data_connector_id": "id"}
    replication_key = "created_at"
    append = True
    path = "/data_connectors/{id}/execution_results"
    params: ClassVar[dict[str, Any]] = {"per_page": 30}
    changed_after = "start_ts"
    changed_before = "end_ts"
    docs_page = "data-connectors/listdataconnectorexecutionresults"
    data_key = "data"
    plain = "id data_connector_id type http_method error_type source_type source_id conversation_id"
    bodies = ("request_body", "response_body", "raw_response_body")
    personal = ("request_url", "error_message")
    counted = ("data_connectors gone",)

    def between(self, start: int, end: int | None) -> dict[str, Any]:
        """Both ends: without a start Intercom gives the last hour only."""
        return super().between(start, int(self.client.clock.time()) if end is None else end)

    def read(self, path: str, **params: Any) -> Iterator[Page]:
        """The pages of every connector."""
        for page in DataConnectors(self.client).pages():
            for connector in page.records:
                try:
                    yield from super().read(path.format(id=connector["id"]), **params)
                except NotFound:
                    # Removed since it was listed. What it did before stays.
                    self.counts["data_connectors gone"] += 1
