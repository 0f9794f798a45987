"""JSON to Python and back, fast and without loss.

orjson is several times faster than the standard library, but it turns integers beyond 64 bits into
floats and refuses lone surrogates. Both occur in what customers write into Intercom, so bodies that
could hold either go through the standard library instead.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_LONG_INTEGER = re.compile(rb"[0-9]{19}")


def decode(body: bytes) -> Any:
    """The value of a JSON document; a lone surrogate in it becomes U+FFFD.

    Raises:
        ValueError: When the document is empty, cut off, or no JSON at all.
    """
    if not _LONG_INTEGER.search(body):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    return _without_surrogates(json.loads(body))


def encode(value: Any) -> str:
    """A value as compact JSON text, digits and key order as they came."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(_without_surrogates(value), ensure_ascii=False, separators=(",", ":"))


def clean(text: str) -> str:
    """Text with lone surrogates, which UTF-8 cannot hold, replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _without_surrogates(item) for key, item in value.items()}
    return value
