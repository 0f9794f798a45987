"""Everything that can be set for one workspace, checked in one place.

Keys that a configuration leaves out are taken from the environment (``INTERCOM_<KEY>``), then from
the defaults below, so that the client, the Dagster resource and the tap agree on what they mean.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from dateutil.parser import isoparse

from intercom_assets.client.errors import ConfigError
from intercom_assets.version import __version__

REGIONS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}

# What each setting means; the Dagster resource and the tap show it.
DESCRIPTIONS = {
    "access_token": "Access token of your app in Intercom's Developer Hub.",
    "region": "Where the workspace is hosted: us (default), eu or au.",
    "base_url": "Another host, such as a proxy or the sandbox; wins over the region. Plain http is "
    "allowed for loopback hosts only.",
    "api_version": "Version of Intercom's API, default 2.16.",
    "start_date": "How far back to read: ISO 8601 date or date-time, UTC if it has no offset. "
    "Default: all history.",
    "lookback": "Seconds before the bookmark that every run reads again, default 600: Intercom's "
    "search shows a change up to some minutes late.",
    "display_as": "Form of the bodies of conversation parts: plaintext (default) or html.",
    "page_size": "Records a page of a search, 1 to 150 (default).",
    "request_timeout": "Seconds to wait for an answer, default 120.",
    "max_concurrency": "Requests under way at once at the most, default 256. How many it takes to "
    "use up the rate limit, and to keep within it, is found out by itself, whatever this says.",
    "retry_wait": "Seconds before the first repetition of a failed request, default 1; each "
    "further one waits twice as long, up to a minute.",
    "custom_object_types": "Types of custom objects to read instances of, such as Order or "
    "Order,Subscription: Intercom does not list them.",
    "user_agent": "How we introduce ourselves to Intercom.",
}


@dataclass(frozen=True)
class Settings:
    """One workspace's settings, valid by construction.

    Raises:
        ConfigError: When a value is missing or wrong; the message names the key.
    """

    access_token: str = field(repr=False)
    region: str = "us"
    base_url: str = ""
    api_version: str = "2.16"
    start_date: str = ""
    lookback: float = 600.0
    display_as: str = "plaintext"
    page_size: int = 150
    request_timeout: float = 120.0
    max_concurrency: int = 256
    retry_wait: float = 1.0
    custom_object_types: str = ""
    user_agent: str = f"intercom-assets/{__version__}"

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if not self.base_url:
            object.__setattr__(self, "base_url", REGIONS[self.region])

    @property
    def start(self) -> int:
        """Start date in epoch seconds; 0 means all history."""
        return int(_moment(self.start_date).timestamp()) if self.start_date else 0

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Settings from a configuration, then the environment, then the defaults.

        Args:
            config: Values by key; ``None`` and "" count as absent.
            environ: Stands in for ``os.environ``.

        Raises:
            ConfigError: For an unknown key, a wrong value, or a missing access token.
        """
        known = {entry.name for entry in fields(cls)}
        if unknown := sorted(set(config) - known):
            raise ConfigError(
                f"unknown setting {', '.join(unknown)}: known are {', '.join(sorted(known))}"
            )
        return cls(**_merged(config, os.environ if environ is None else environ, known))


def check_setting(name: str, value: Any) -> Any:
    """The value in its normal form.

    Raises:
        ConfigError: When the setting cannot have that value.
    """
    check = _CHECKS.get(name)
    return check(name, value) if check else value


def _merged(
    config: Mapping[str, Any], environ: Mapping[str, str], known: set[str]
) -> dict[str, Any]:
    given = {key: value for key, value in config.items() if value not in (None, "")}
    from_environ = {
        name: environ[f"INTERCOM_{name.upper()}"]
        for name in known - set(given)
        if environ.get(f"INTERCOM_{name.upper()}")
    }
    return {"access_token": ""} | from_environ | given


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


def order_of(version: str) -> tuple[int, ...]:
    """Where an API version stands among the others: numbered ones, then Preview and Unstable."""
    numbers = version.split(".")
    return tuple(map(int, numbers)) if all(n.isdecimal() for n in numbers) else (10**6,)


def _api_version(name: str, value: Any) -> str:
    version = str(value).strip()
    if not re.fullmatch(r"\d+\.\d+|Preview|Unstable", version):
        raise ConfigError(f"{name} is {value!r}: it must look like 2.16, or be Preview")
    return version


def _start_date(name: str, value: Any) -> str:
    text = str(value or "").strip()
    try:
        _moment(text or "1970-01-01")
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{name} is {value!r}: it must be an ISO 8601 date or date-time, "
            "e.g. 2024-01-31 or 2024-01-31T00:00:00Z"
        ) from None
    return text


def _moment(text: str) -> datetime:
    # Eight digits are a date; more are epoch seconds.
    if text.isdecimal() and len(text) > 8:
        return datetime.fromtimestamp(int(text), timezone.utc)
    moment = isoparse(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _display_as(name: str, value: Any) -> str:
    if value not in ("plaintext", "html"):
        raise ConfigError(f"{name} is {value!r}: it must be plaintext or html")
    return str(value)


def _names(name: str, value: Any) -> str:
    """Names with commas between them, from such a text or from a list."""
    given = value.split(",") if isinstance(value, str) else value or ()
    found = [str(one).strip() for one in given]
    if any(re.search(r"[,/?#\s]", one) for one in found):
        raise ConfigError(f"{name} is {value!r}: it must be names such as Order,Subscription")
    return ",".join(dict.fromkeys(filter(None, found)))


def _number(name: str, value: Any, low: float, high: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} is {value!r}: it must be a number") from None
    if not low <= number <= high:
        raise ConfigError(f"{name} is {value!r}: it must be from {low:g} to {high:g}")
    return number


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "access_token": _token,
    "region": _region,
    "base_url": _base_url,
    "api_version": _api_version,
    "start_date": _start_date,
    "display_as": _display_as,
    "custom_object_types": _names,
    "lookback": lambda name, value: _number(name, value, 0, 30 * 86_400),
    # Intercom's own maximum for a search is 150 records a page.
    "page_size": lambda name, value: int(_number(name, value, 1, 150)),
    "request_timeout": lambda name, value: _number(name, value, 0.05, 3_600),
    "max_concurrency": lambda name, value: int(_number(name, value, 1, 512)),
    "retry_wait": lambda name, value: _number(name, value, 0, 600),
}
