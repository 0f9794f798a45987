"""One call: what a route is given, what it answers, and the errors it raises."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import orjson

JSON = "application/json; charset=utf-8"
HTML = "text/html"

Version = tuple[int, int]
Route = Callable[["Call"], "Answer"]

VERSIONS: dict[str, Version] = {
    **{f"1.{minor}": (1, minor) for minor in range(5)},
    **{f"2.{minor}": (2, minor) for minor in range(19)},
    "Preview": (99, 0),
    "Unstable": (99, 0),
}


class ApiError(Exception):
    """An error that Intercom states as an error.list."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    def answer(self, request_id: str) -> Answer:
        """The answer that states this error."""
        errors = [{"code": self.code, "message": self.message}]
        body = {"type": "error.list", "request_id": request_id, "errors": errors}
        return Answer(encode(body), self.status, headers=self.headers)


class Answer(NamedTuple):
    """An answer before the headers that every answer has."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = {}


@dataclass
class Call:
    """A request, as far as routes care; `params` is what stood for ``*`` in its path."""

    method: str
    path: str
    query: Mapping[str, str]
    raw: bytes = b""
    version: Version = (2, 16)
    url: str = ""
    params: tuple[str, ...] = ()

    @cached_property
    def json(self) -> Any:
        """The decoded body; None when there is none, text when it is no JSON."""
        try:
            return orjson.loads(self.raw) if self.raw else None
        except orjson.JSONDecodeError:
            return self.raw.decode("utf-8", "replace")

    def number(self, name: str, default: int, most: int | None = None) -> int:
        """A positive number from the query string.

        Raises:
            ApiError: When it is none, or more than `most`.
        """
        return positive(self.query.get(name, default), name, most)

    def flag(self, name: str) -> bool:
        """Whether the query string says ``name=true``."""
        return self.query.get(name, "").lower() in ("true", "1")


def positive(value: object, name: str, most: int | None = None) -> int:
    """A positive number, written as one or as digits.

    Raises:
        ApiError: parameter_invalid.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ApiError(400, "parameter_invalid", f"{name} must be a positive integer")
    if most is not None and value > most:
        label = name.replace("_", " ").title()
        raise ApiError(400, "parameter_invalid", f"{label} is too big")
    return value


def encode(value: Any) -> bytes:
    """JSON bytes; values that orjson refuses (lone surrogates, huge integers) go the long way."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()


def answer(body: Any) -> Answer:
    """A 200 with a JSON body."""
    return Answer(encode(body))


def not_found(message: str = "Resource Not Found", code: str = "not_found") -> ApiError:
    """The 404 error."""
    return ApiError(404, code, message)


def since(version: Version, route: Route) -> Route:
    """A route that exists from a version on."""

    def guarded(call: Call) -> Answer:
        if call.version < version:
            message = "Requested resource is not available in current API version."
            raise ApiError(400, "intercom_version_invalid", message)
        return route(call)

    return guarded
