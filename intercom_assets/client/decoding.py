"""JSON to Python and back, fast and without loss.

msgspec is several times faster than the standard library and keeps integers of any length (orjson,
as fast, makes floats of those beyond 64 bits). Like it, it refuses lone surrogates, which occur in
what customers write into Intercom: such bodies go through the standard library.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines


def decode(body: bytes) -> Any:
    """The value of a JSON document; a lone surrogate in it becomes U+FFFD.

    Raises:
        ValueError: When the document is empty, cut off, or no JSON at all.
    """
    try:
        return _decode(body)
    except msgspec.MsgspecError:
        return _without_surrogates(json.loads(body))
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


def encode(value: Any) -> str:
    """A value as compact JSON text, digits and key order as they came."""
    try:
        return _encode(value).decode()
    except (OverflowError, UnicodeEncodeError):
        return json.dumps(_without_surrogates(value), ensure_ascii=False, separators=(",", ":"))


def encode_lines(values: Sequence[Any]) -> bytes:
    """Each value as JSON text that a line feed ends; in none of them is another one."""
    try:
        return _encode_lines(values)
    except (OverflowError, UnicodeEncodeError):
        return "".join(f"{encode(value)}\n" for value in values).encode()


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
