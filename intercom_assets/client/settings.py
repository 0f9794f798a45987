"""Everything that can be set for one workspace, checked in one place.

Keys that a configuration leaves out are taken from the environment (``INTERCOM_<KEY>``), then from
the defaults below, so that the client, the Dagster resource and the tap agree on what they mean.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from intercom_assets.client.errors import ConfigError
from intercom_assets.client.setting_checks import CHECKS, FREE_FIELDS, REGIONS, moment_of
from intercom_assets.version import __version__

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
    "optional_fields": "Fields to ask for besides, parted by commas: avatars, merge_history, "
    "monitors, scorecards (these are the default), translations; or all, or none.",
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
    optional_fields: tuple[str, ...] = FREE_FIELDS
    page_size: int = 150
    request_timeout: float = 120.0
    max_concurrency: int = 256
    retry_wait: float = 1.0
    custom_object_types: str = ""
    user_agent: str = f"intercom-assets/{__version__}"

    def __post_init__(self) -> None:
        for name, check in CHECKS.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if not self.base_url:
            object.__setattr__(self, "base_url", REGIONS[self.region])

    @property
    def start(self) -> int:
        """Start date in epoch seconds; 0 means all history."""
        return int(moment_of(self.start_date).timestamp()) if self.start_date else 0

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
    check = CHECKS.get(name)
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


def order_of(version: str) -> tuple[int, ...]:
    """Where an API version stands among the others: numbered ones, then Preview and Unstable."""
    numbers = version.split(".")
    return tuple(map(int, numbers)) if all(n.isdecimal() for n in numbers) else (10**6,)
