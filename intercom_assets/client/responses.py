"""What an HTTP answer means: its JSON, or the error that says what to do."""

from __future__ import annotations

from typing import Any

from intercom_assets.client.decoding import decode
from intercom_assets.client.errors import (
    IntercomError,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestRefused,
    ScrollUnavailable,
    ServerError,
    UnusableAnswer,
)
from intercom_assets.client.transport import Reply


def body_of(reply: Reply, call: str) -> dict[str, Any]:
    """The JSON object of a good answer.

    Raises:
        IntercomError: When the status is not 2xx, or the body is no JSON object.
    """
    if not 200 <= reply.status < 300:
        raise error_of(reply, call)
    try:
        body = decode(reply.body)
    except ValueError:
        body = None
    # Intercom has been seen to answer 200 with nothing, half a document or a proxy's HTML.
    if not isinstance(body, dict):
        raise UnusableAnswer(
            "the answer is empty, cut off or no JSON object",
            call=call,
            status=reply.status,
            request_id=reply.headers.get("X-Request-Id"),
        )
    return body


def error_of(reply: Reply, call: str) -> IntercomError:
    """The error that an answer stands for."""
    status = reply.status
    told = _first_error(reply)
    code = told.get("code")
    facts: dict[str, Any] = {
        "call": call,
        "status": status,
        "code": code,
        "request_id": told.get("request_id") or reply.headers.get("X-Request-Id"),
    }
    said = str(told.get("message") or reply.reason or "no message")
    if status == 429:
        return RateLimited("Intercom's rate limit stayed used up", **facts)
    if status >= 500 or status == 408:
        return ServerError(f"Intercom failed: {said}", **facts)
    if status < 400:
        return RequestRefused("Intercom redirected; the token is not sent elsewhere", **facts)
    if status in (402, 403):
        return PermissionDenied(
            f"Intercom refuses this call: {said}. Grant the permission in its Developer Hub, or "
            "leave the stream out",
            **facts,
        )
    if code == "scroll_exists" or (status == 404 and "scroll" in said):
        return ScrollUnavailable(said, **facts)
    if status in (404, 410):
        return NotFound(said, **facts)
    return RequestRefused(f"Intercom refused the request: {said}", **facts)


def _first_error(reply: Reply) -> dict[str, Any]:
    """Code, message and request id as far as the body tells them; it may be a proxy's HTML."""
    try:
        body = decode(reply.body)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else body
    if not isinstance(first, dict):
        first = {}
    return {
        "code": first.get("code"),
        "message": first.get("message"),
        "request_id": body.get("request_id"),
    }
