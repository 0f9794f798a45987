"""What each setting may be: its normal form, or an error that names it and says what to do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from dateutil.parser import isoparse

from intercom_assets.client.errors import ConfigError

REGIONS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}
# Fields that Intercom gives on demand, without a further call. For translations it translates every
# part of a conversation, and sends each body again.
OPTIONAL_FIELDS = ("avatars", "merge_history", "monitors", "scorecards", "translations")
FREE_FIELDS = OPTIONAL_FIELDS[:-1]


def _token(name: str, value: Any) -> str:
    token = str(value or "").strip()
    if not token:
        raise ConfigError(
            f"{name} is missing: set INTERCOM_ACCESS_TOKEN to the access token of your app in "
            "Intercom's Developer Hub (Configure > Authentication)"
        )
    # requests would put the whole header, token included, into its own error about such a value.
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ConfigError(
            f"{name} holds a space or a character that no token has: "
            "check INTERCOM_ACCESS_TOKEN for quotes, line breaks or a second word"
        )
    return token


def _region(name: str, value: Any) -> str:
    region = str(value).strip().lower()
    if region not in REGIONS:
        raise ConfigError(f"{name} is {value!r}: it must be one of {', '.join(REGIONS)}")
    return region


def _base_url(name: str, value: Any) -> str:
    url = str(value or "").strip().rstrip("/")
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{name} is {url!r}: it must look like https://host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(f"{name} must be scheme, host, port and path only")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigError(
            f"{name} is {url!r}: plain http would send the token unencrypted, "
            "so it is allowed for loopback hosts only; use https"
        )
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _api_version(name: str, value: Any) -> str:
    version = str(value).strip()
    if not re.fullmatch(r"\d+\.\d+|Preview|Unstable", version):
        raise ConfigError(f"{name} is {value!r}: it must look like 2.16, or be Preview")
    return version


def _start_date(name: str, value: Any) -> str:
    text = str(value or "").strip()
    try:
        moment_of(text or "1970-01-01")
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{name} is {value!r}: it must be an ISO 8601 date or date-time, "
            "e.g. 2024-01-31 or 2024-01-31T00:00:00Z"
        ) from None
    return text


def moment_of(text: str) -> datetime:
    # Eight digits are a date; more are epoch seconds.
    if text.isdecimal() and len(text) > 8:
        return datetime.fromtimestamp(int(text), timezone.utc)
    moment = isoparse(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _display_as(name: str, value: Any) -> str:
    if value not in ("plaintext", "html"):
        raise ConfigError(f"{name} is {value!r}: it must be plaintext or html")
    return str(value)


def _number(name: str, value: Any, low: float, high: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} is {value!r}: it must be a number") from None
    if not low <= number <= high:
        raise ConfigError(f"{name} is {value!r}: it must be from {low:g} to {high:g}")
    return number


def _names(name: str, value: Any) -> str:
    """Names with commas between them, from such a text or from a list."""
    given = value.split(",") if isinstance(value, str) else value or ()
    found = [str(one).strip() for one in given]
    if any(re.search(r"[,/?#\s]", one) for one in found):
        raise ConfigError(f"{name} is {value!r}: it must be names such as Order,Subscription")
    return ",".join(dict.fromkeys(filter(None, found)))


def _optional_fields(name: str, value: Any) -> tuple[str, ...]:
    named = value.split(",") if isinstance(value, str) else [str(each) for each in value]
    names = [each.strip().lower() for each in named if each.strip()]
    groups = {"default": FREE_FIELDS, "all": OPTIONAL_FIELDS, "none": ()}
    chosen = {each for wanted in names for each in groups.get(wanted, (wanted,))}
    if unknown := sorted(chosen - set(OPTIONAL_FIELDS)):
        raise ConfigError(
            f"{name} has {', '.join(unknown)}: known are {', '.join(OPTIONAL_FIELDS)}, and "
            "default, all and none"
        )
    return tuple(each for each in OPTIONAL_FIELDS if each in chosen)


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "access_token": _token,
    "region": _region,
    "base_url": _base_url,
    "api_version": _api_version,
    "start_date": _start_date,
    "display_as": _display_as,
    "optional_fields": _optional_fields,
    "custom_object_types": _names,
    "lookback": lambda name, value: _number(name, value, 0, 30 * 86_400),
    # Intercom's own maximum for a search is 150 records a page.
    "page_size": lambda name, value: int(_number(name, value, 1, 150)),
    "request_timeout": lambda name, value: _number(name, value, 0.05, 3_600),
    "max_concurrency": lambda name, value: int(_number(name, value, 1, 512)),
    "retry_wait": lambda name, value: _number(name, value, 0, 600),
}
