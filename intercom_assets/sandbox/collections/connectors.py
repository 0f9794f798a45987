"""Data connectors, and the calls that they made."""

from __future__ import annotations

from intercom_assets.sandbox.collections.declaration import Collection, Paging
from intercom_assets.sandbox.collections.values import (
    created_iso,
    cycle,
    number,
    numbered,
    of_parent,
    serial,
    some,
    updated_iso,
)

DATA_CONNECTORS = Collection(
    "data_connectors",
    "/data_connectors",
    since=(2, 16),
    paging=Paging.CURSOR,
    per_page=2,
    most=50,
    size=5,
    fields={
        "type": "data_connector",
        "id": serial(12_345),
        "name": numbered("Connector {}"),
        "description": cycle("Fetches the state of an order", None),
        "state": cycle("live", "draft"),
        "http_method": cycle("get", "post"),
        "direct_fin_usage": cycle(True, False),
        "created_by_admin_id": some("admins"),
        "updated_by_admin_id": some("admins"),
        "created_at": created_iso,
        "updated_at": updated_iso,
        "execution_results_url": numbered("/data_connectors/{}/execution_results"),
    },
)

DATA_CONNECTOR_EXECUTIONS = Collection(
    "data_connector_executions",
    "/data_connectors/{id}/execution_results",
    since=(2, 16),
    paging=Paging.CURSOR,
    per_page=10,
    most=30,
    after={"start_ts": "created_at"},
    before={"end_ts": "created_at"},
    parent="data_connectors",
    parent_id="data_connector_id",
    size=40,
    added=2,
    fields={
        "type": "data_connector.execution",
        "id": serial(99_001),
        "data_connector_id": of_parent("id"),
        "success": cycle(True, True, False),
        "http_status": cycle(200, 200, None),
        "http_method": "get",
        "error_type": cycle(None, None, "faraday_error"),
        "error_message": cycle(None, None, "Connection refused"),
        "execution_time_ms": number(10),
        "source_type": cycle("fin", "workflow"),
        "source_id": cycle(None, "5001"),
        "conversation_id": some("conversations"),
        "created_at": updated_iso,
    },
)
