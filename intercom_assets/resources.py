"""The Dagster resource that gives assets a client."""

from functools import lru_cache
from typing import Any

import dagster as dg
from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from intercom_assets.client import IntercomClient
from intercom_assets.settings import Settings, check_setting


class IntercomResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """One Intercom workspace.

    What is left out is taken from the environment variable ``INTERCOM_<FIELD>``, then the default.

    Example:
        .. code-block:: python

            IntercomResource(access_token=dg.EnvVar("INTERCOM_ACCESS_TOKEN"), region="eu")
    """

    # A wrong token must not be quoted by pydantic's error about it.
    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: str = Field(
        repr=False,
        description="Access token of your app in Intercom's Developer Hub. Give an EnvVar, so that "
        "the token itself stays out of the code and of Dagster's UI.",
    )
    region: str | None = Field(
        default=None, description="Where the workspace is hosted: us (default), eu or au."
    )
    base_url: str | None = Field(
        default=None,
        description="Another host, such as a proxy or the sandbox; wins over the region. "
        "Plain http is allowed for loopback hosts only.",
    )
    api_version: str | None = Field(
        default=None, description="Version of Intercom's API, default 2.16."
    )
    start_date: str | None = Field(
        default=None,
        description="How far back to read: ISO 8601 date or date-time, UTC if it has no offset. "
        "Default: all history.",
    )
    lookback: float | None = Field(
        default=None,
        description="Seconds before the bookmark that every run reads again, default 600: "
        "Intercom's search shows a change up to some minutes late.",
    )
    display_as: str | None = Field(
        default=None,
        description="Form of the bodies of conversation parts: plaintext (default) or html.",
    )
    page_size: int | None = Field(
        default=None, description="Records a page of a search, 1 to 150 (default)."
    )
    request_timeout: float | None = Field(
        default=None, description="Seconds to wait for an answer, default 120."
    )
    max_concurrency: int | None = Field(
        default=None,
        description="Requests under way at once at the most, default 64. The rate limit is kept by "
        "itself, whatever this says.",
    )
    retry_wait: float | None = Field(
        default=None,
        description="Seconds before the first repetition of a failed request, default 1; each "
        "further one waits twice as long, up to a minute.",
    )

    @field_validator("*", mode="after")
    @classmethod
    def _check(cls, value: Any, info: ValidationInfo) -> Any:
        # An EnvVar is checked when Dagster has resolved it.
        if value is None or isinstance(value, dg.EnvVar) or info.field_name is None:
            return value
        check_setting(info.field_name, value)
        return value

    def client(self) -> IntercomClient:
        """The client of this workspace, shared by all assets of a process.

        Raises:
            ConfigError: When a setting is missing or wrong.
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        known = Settings.__dataclass_fields__
        return _client(
            Settings.from_config({name: fields[name] for name in fields if name in known})
        )


# One client a workspace and process: its connections and its share of the rate limit are common.
@lru_cache(maxsize=32)
def _client(settings: Settings) -> IntercomClient:
    return IntercomClient(settings=settings)
