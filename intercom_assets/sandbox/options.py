"""What can be set on a running sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Options:
    """How the sandbox behaves; each attribute may be changed while it runs.

    Attributes:
        token: The only access token that is valid.
        app_version: The API version of requests that name none.
        latency: Seconds that every answer takes at least.
        limit: Requests in a window, for each token.
        window: Length of a window of the rate limit, in seconds.
        omit_reset: Leave X-RateLimit-Reset out.
        retry_after: Send Retry-After with a 429.
        scroll_expiry: Seconds of idleness that a scroll survives.
        scroll_page_size: Companies on a page of a scroll.
        companies_cap: Rows that POST /companies/list can reach.
        search_lag: Seconds that a new contact stays unknown to the search.
        missing_scopes: Path prefix to 401 or 403: what the token may not read.
        html_not_found: Answer every second 404 for a conversation with a bare HTML page.
        gzip: Compress answers for clients that accept it.
    """

    token: str = "sandbox-token"
    app_version: str = "2.16"
    latency: float = 0.0
    limit: int = 10_000
    window: float = 10.0
    omit_reset: bool = False
    retry_after: bool = False
    scroll_expiry: float = 60.0
    scroll_page_size: int = 100
    companies_cap: int = 10_000
    search_lag: float = 0.0
    missing_scopes: dict[str, int] = field(default_factory=dict)
    html_not_found: bool = False
    gzip: bool = False

    def change(self, values: Mapping[str, Any]) -> None:
        """Sets several at once.

        Raises:
            ValueError: When a name is not known; nothing is set then.
        """
        unknown = sorted(set(values) - OPTION_NAMES)
        if unknown:
            raise ValueError(f"unknown options: {', '.join(unknown)}")
        for name, value in values.items():
            setattr(self, name, value)

    def current(self) -> dict[str, Any]:
        """The values of all options but the token."""
        return {name: getattr(self, name) for name in sorted(OPTION_NAMES - {"token"})}


OPTION_NAMES = frozenset(entry.name for entry in fields(Options))
