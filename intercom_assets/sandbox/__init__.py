"""An Intercom in a box: a server that behaves as Intercom's REST API does, on generated data."""

from intercom_assets.sandbox.faults import Fault
from intercom_assets.sandbox.request_log import RequestLog
from intercom_assets.sandbox.server import Sandbox
from intercom_assets.sandbox.workspace import Workspace

__all__ = ["Fault", "RequestLog", "Sandbox", "Workspace"]
