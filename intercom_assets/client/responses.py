"""What an HTTP answer means: its JSON, or the error that says what to do.

An answer is what it says, not what its status says: an error that Intercom states is one with a
good status, too, and a 404 or 403 that Intercom did not state is a fault of the way there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from requests.utils import parse_header_links

from intercom_assets.client.decoding import decode
from intercom_assets.client.errors import (
    IntercomError,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestRefused,
    ScrollUnavailable,
    ServerError,
    Unauthorized,
    UnusableAnswer,
)
from intercom_assets.client.transport import Reply

# The status that Intercom gives with a code, for answers that state one with a good status.
# https://developers.intercom.com/docs/references/rest-api/errors/error-codes
_STATUSES = {
    "rate_limit_exceeded": 429,
    "too_many_requests": 429,
    "retry_after": 429,
    "unauthorized": 401,
    "missing_authorization": 401,
    "token_not_found": 401,
    "token_revoked": 401,
    "token_expired": 401,
    "token_blocked": 401,
    "token_unauthorized": 401,
    "api_plan_restricted": 403,
    "forbidden": 403,
    "action_forbidden": 403,
    "contact_merged": 410,
    "parameter_not_found": 400,
}
_PASSING = {
    "",
    "server_error",
    "internal_server_error",
    "internal_error",
    "service_unavailable",
    "bad_gateway",
    "gateway_timeout",
    "request_timeout",
    "timeout",
    "timeout_error",
    "client_timeout",
}


def body_of(reply: Reply, call: str) -> dict[str, Any]:
    """The JSON object of a good answer.

    Raises:
        IntercomError: When the status is not 2xx, the body states an error, or is no JSON object.
    """
    try:
        body = decode(reply.body)
    except ValueError:
        body = None
    if not 200 <= reply.status < 300 or _states_error(body):
        raise _error_of(reply, body, call)
    # Intercom has been seen to answer 200 with nothing, half a document or a proxy's HTML.
    if not isinstance(body, dict):
        raise UnusableAnswer(
            "the answer is empty, cut off or no JSON object",
            call=call,
            status=reply.status,
            request_id=reply.headers.get("X-Request-Id"),
        )
    return body


def _states_error(body: Any) -> bool:
    """Whether a body is Intercom's statement of an error, in any of its forms."""
    if not isinstance(body, Mapping):
        return False
    if body.get("type") in ("error.list", "error"):
        return True
    errors = body.get("errors")
    return isinstance(errors, list) and any(
        isinstance(error, Mapping) and "code" in error for error in errors
    )


def _error_of(reply: Reply, body: Any, call: str) -> IntercomError:
    told = _first_error(body)
    code = told.get("code")
    facts: dict[str, Any] = {
        "call": call,
        "status": reply.status,
        "code": code,
        "request_id": told.get("request_id") or reply.headers.get("X-Request-Id"),
    }
    status = reply.status if reply.status >= 300 else _status_of(str(code or ""))
    said = str(told.get("message") or reply.reason or "no message")
    if status == 429:
        return RateLimited("Intercom's rate limit stayed used up", **facts)
    if status >= 500 or status == 408:
        return ServerError(f"Intercom failed: {said}", **facts)
    if status < 400:
        return RequestRefused("Intercom redirected; the token is not sent elsewhere", **facts)
    if not _states_error(body):
        return ServerError(
            f"the answer is not Intercom's, is a proxy or firewall in between? {said}", **facts
        )
    if status in (402, 403):
        return PermissionDenied(
            f"Intercom refuses this call: {said}. Grant the permission in its Developer Hub, or "
            "leave the stream out",
            **facts,
        )
    if code == "scroll_exists" or (status == 404 and "scroll" in said):
        return ScrollUnavailable(said, **facts)
    if status in (404, 410):
        return NotFound(said, merged_into=_survivor(reply), **facts)
    if status == 401:
        return Unauthorized(said, **facts)
    return RequestRefused(f"Intercom refused the request: {said}", **facts)


def _survivor(reply: Reply) -> str | None:
    """The id at the end of the canonical link of a record that was merged into another.

    https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/showcontact
    """
    links = parse_header_links(reply.headers.get("Link") or "")
    canonical = (link["url"] for link in links if link.get("rel") == "canonical")
    return next((urlsplit(url).path.rpartition("/")[2] or None for url in canonical), None)


def _status_of(code: str) -> int:
    """The status that an error with a good status should have had."""
    if code in _PASSING:
        return 500
    if code == "not_found" or (code.endswith("_not_found") and code not in _STATUSES):
        return 404
    return _STATUSES.get(code, 400)


def _first_error(body: Any) -> dict[str, Any]:
    """Code, message and request id as far as the body tells them; it may be a proxy's HTML."""
    if not isinstance(body, Mapping):
        return {}
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else body
    if not isinstance(first, Mapping):
        first = {}
    return {
        "code": first.get("code"),
        "message": first.get("message"),
        "request_id": body.get("request_id"),
    }
