"""What an optional stream may lack: a scope, a plan, a feature, an API version."""

from __future__ import annotations

from intercom_assets.client.errors import IntercomError, NotFound, PermissionDenied
from intercom_assets.streams.base import BaseStream

CODES = frozenset({"api_plan_restricted", "intercom_version_invalid"})


def is_lacking(stream: type[BaseStream], problem: IntercomError) -> bool:
    """Whether a problem means that this workspace or token does not have a stream.

    Args:
        stream: The stream. Those that are not optional are never lacking: they fail.
        problem: What reading it ended with. Records that are gone do not end it, so what is not
            found is the collection itself.
    """
    refused = isinstance(problem, PermissionDenied | NotFound) or problem.code in CODES
    return stream.optional and refused


def advice(stream: type[BaseStream]) -> str:
    """What somebody can do about it."""
    version = f", ask for API version {stream.since}" if stream.since else ""
    return (
        f"Grant the token the scope in Intercom's Developer Hub{version}, or ask Intercom whether "
        f"the plan has it; or leave {stream.tap_stream_id} out: INTERCOM_STREAMS, or `streams=`, "
        "names what is read"
    )
