"""What can go wrong between us and Intercom, split by what the caller should do about it.

IntercomError
├── ConfigError           fatal: a setting is wrong; names the setting
├── AuthenticationError   fatal: the token is not valid
├── PermissionDenied      skippable: the token or the plan lacks this one resource
├── NotFound              the record is gone (404, or 410 for a merged contact)
├── ScrollUnavailable     another scroll is open, or ours expired: wait and start over
├── RequestRefused        fatal: Intercom does not accept the request as it is (other 4xx)
├── MalformedResponse     fatal: the answer is JSON, but not of the documented form
└── RetriableError        passing: tried again within a bound before it reaches the caller
    ├── RateLimited       429
    └── ServerError       5xx, 408, empty or cut bodies, resets and timeouts
        └── UnusableAnswer      a good status, and a body without what was asked for
            ├── WrongAnswer         an answer to another question than was asked
            └── IncompleteAnswer    a list that ends before its own counts say so
"""

from __future__ import annotations

from typing import Any


class IntercomError(Exception):
    """Base class of every error this package raises while it reads from Intercom.

    Args:
        message: What happened and what to do; never contains the access token.
        call: HTTP method and path, e.g. ``GET /admins``.
        status: HTTP status, if there was an answer.
        code: Intercom's error code, e.g. ``rate_limit_exceeded``.
        request_id: Intercom's request id; its support asks for it.
    """

    def __init__(
        self,
        message: str,
        *,
        call: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        self.call = call
        self.status = status
        self.code = code
        self.request_id = request_id
        facts = [
            ("call", call),
            ("status", status),
            ("code", code),
            ("request id", request_id),
        ]
        told = ", ".join(f"{name}: {value}" for name, value in facts if value is not None)
        super().__init__(f"{message} ({told})" if told else message)


class ConfigError(IntercomError, ValueError):
    """A setting is missing or wrong."""


class AuthenticationError(IntercomError):
    """Intercom does not know the access token, or revoked it."""


class PermissionDenied(IntercomError):
    """The token lacks a permission, or the workspace's plan lacks the feature."""


class NotFound(IntercomError):
    """There is no such record (404), or it was merged into another (410).

    Args:
        message: What happened.
        merged_into: The other one's id, where Intercom names it.
        **facts: As for every error.

    Attributes:
        is_merged: Whether it was merged.
        merged_into: The other one's id.
    """

    def __init__(self, message: str, *, merged_into: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.merged_into = merged_into
        self.is_merged = self.code == "contact_merged"


class ScrollUnavailable(IntercomError):
    """The scroll over companies is taken by somebody else, or has expired."""


class RequestRefused(IntercomError):
    """Intercom answered with a 4xx that no retry will change."""


class Unauthorized(RequestRefused):
    """Intercom answered 401; the client finds out whether for the token or for a permission."""


class MalformedResponse(IntercomError):
    """The answer is not of the form that Intercom documents."""


class RetriableError(IntercomError):
    """A passing fault; raised to the caller once the bounded retries are used up."""


class RateLimited(RetriableError):
    """429: the quota of the window is used up."""


class ServerError(RetriableError):
    """A fault of the server or of the way there."""


class UnusableAnswer(ServerError):
    """A good status, and a body that is empty, cut off, or not what was asked for."""


class WrongAnswer(UnusableAnswer):
    """An answer that does not heed what it was asked for."""


class IncompleteAnswer(UnusableAnswer):
    """A list that ends before its own counts say so.

    Args:
        message: What happened.
        missing: How many records it is short of.
        page: What came.
        is_credible: Whether that may be all there is nevertheless.
        **facts: As of `IntercomError`.
    """

    def __init__(
        self,
        message: str,
        *,
        missing: int,
        page: Any = None,
        is_credible: bool = False,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.missing = missing
        self.page = page
        self.is_credible = is_credible
