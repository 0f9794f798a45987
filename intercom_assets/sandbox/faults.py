"""Faults: what a network, a proxy or a bad day does to answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, get_args

import orjson

from intercom_assets.sandbox.calls import HTML, JSON, Answer, ApiError, Call, encode

Kind = Literal[
    "status",
    "empty_200",
    "cut_json",
    "cut_connection",
    "reset",
    "stall",
    "next_url",
    "redirect",
    "delay",
    "answer",
]
# Bodies of a status fault that have a name.
NAMED_BODIES = ("json", "html", "empty")
REASONS = {
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
}
CODES = {429: "rate_limit_exceeded", 500: "server_error", 503: "service_unavailable"}


@dataclass
class Fault:
    """Something that goes wrong with some requests.

    Attributes:
        kind: status; empty_200; cut_json (a valid answer with half a body); cut_connection (the
            connection ends before the promised length); reset (TCP RST); stall (no answer, then
            a closed connection); next_url (pages lead to `url`); redirect (to `url`); delay;
            answer (Intercom's own, with `headers` and with the fields of `body` in place of its).
        match: Part of the path with its query, or a regular expression found in it.
        method: Only this method.
        probability: Share of the matching requests that fail.
        times: How often it happens at most.
        after: Matching requests that are spared first.
        seed: Of the dice behind `probability`.
        status: Of a status fault, or a redirect when it is 3xx.
        body: Of a status fault: json, html or empty; or a body of one's own, text as it is and
            anything else as JSON.
        headers: Headers of one's own, in place of those that the answer has.
        seconds: Of a stall or delay.
        url: Of a next_url or redirect; a next_url without one leads to the same page again.
        seen: Matching requests so far.
        fired: How often it happened.
    """

    kind: Kind
    match: str = ""
    method: str | None = None
    probability: float = 1.0
    times: int | None = None
    after: int = 0
    seed: int = 0
    status: int = 503
    body: Any = "json"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 3600.0
    url: str | None = None
    seen: int = 0
    fired: int = 0
    _dice: Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.kind!r} is not a kind of fault")
        self._dice = Random(self.seed)

    def strikes(self, method: str, path: str) -> bool:
        """Whether it happens to this request; asking counts it."""
        if self.method not in (None, method) or not _found(self.match, path):
            return False
        self.seen += 1
        spent = self.times is not None and self.fired >= self.times
        if spent or self.seen <= self.after or self._dice.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def replacement(self, request_id: str) -> Answer | None:
        """The answer given instead of Intercom's; None if that is asked first."""
        if self.kind == "empty_200":
            return Answer(b"")
        if self.kind == "redirect":
            status = self.status if 300 <= self.status < 400 else 302
            return Answer(b"", status, headers={"Location": self.url or "/"})
        if self.kind == "status":
            own = self._own() if self.body not in NAMED_BODIES else self._error(request_id)
            return own._replace(headers={**own.headers, **self.headers})
        return None

    def spoilt(self, answer: Answer, call: Call) -> Answer:
        """What becomes of Intercom's own answer."""
        answer = answer._replace(headers={**answer.headers, **self.headers})
        if self.kind == "answer" and isinstance(self.body, Mapping):
            return answer._replace(body=_with_fields(answer.body, self.body))
        if self.kind == "cut_json":
            return answer._replace(body=answer.body[: len(answer.body) // 2])
        if self.kind == "next_url":
            return answer._replace(body=_with_next(answer.body, self.url, call))
        return answer

    def _own(self) -> Answer:
        if not isinstance(self.body, str):
            return Answer(encode(self.body), self.status)
        return Answer(self.body.encode(), self.status, HTML if "<" in self.body[:1] else JSON)

    def _error(self, request_id: str) -> Answer:
        reason = REASONS.get(self.status, "Error")
        if self.body == "empty":
            return Answer(b"", self.status)
        if self.body == "html":
            return Answer(html_page(self.status, reason), self.status, HTML)
        code = CODES.get(self.status, reason.lower().replace(" ", "_").replace("-", ""))
        return ApiError(self.status, code, reason).answer(request_id)


def fault_from(values: Mapping[str, Any]) -> Fault:
    """A fault as JSON states it.

    Raises:
        ValueError: When a name or the kind is unknown.
    """
    try:
        return Fault(**values)
    except TypeError as problem:
        raise ValueError(str(problem)) from None


def html_page(status: int, reason: str) -> bytes:
    """The page that a proxy shows instead of an answer."""
    title = f"{status} {reason}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>"
        "</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()


def _found(match: str, path: str) -> bool:
    if match in path:
        return True
    try:
        return re.search(match, path) is not None
    except re.error:
        return False


def _with_fields(body: bytes, fields: Mapping[str, Any]) -> bytes:
    """The body with some fields replaced, those of the objects in it too."""

    def merged(value: Any, fields: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(fields, Mapping):
            return fields
        return {**value, **{name: merged(value.get(name), fields[name]) for name in fields}}

    return encode(merged(orjson.loads(body), fields))


def _with_next(body: bytes, url: str | None, call: Call) -> bytes:
    page = orjson.loads(body)
    if not isinstance(page, dict):
        return body
    pages = page.setdefault("pages", {}) or {}
    page["pages"] = pages
    following = pages.get("next")
    if url is not None:
        pages["next"] = url
    elif isinstance(following, dict):
        pagination = call.json.get("pagination") if isinstance(call.json, dict) else call.query
        following["starting_after"] = (pagination or {}).get(
            "starting_after", following["starting_after"]
        )
    else:
        pages["next"] = call.url
    return encode(page)
