"""The Dagster resource that gives assets a client."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import dagster as dg
from dagster_shared.libraries import DagsterLibraryRegistry
from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from intercom_assets.client import IntercomClient
from intercom_assets.client.settings import DESCRIPTIONS, Settings, check_setting
from intercom_assets.streams.privacy import Privacy
from intercom_assets.streams.selection import with_history
from intercom_assets.version import __version__
from intercom_assets.warehouse.spec import MARK, checked_on_delete

# So that a code location tells Dagster which version it runs.
DagsterLibraryRegistry.register("intercom-assets", __version__, is_dagster_package=False)

SECRETS = ("access_token", "hash_salt")
# What is looked up in a run: `EnvVar`, and what `EnvVar.int` gives.
VARIABLES = (dg.EnvVar, type(dg.EnvVar.int("INTERCOM_PAGE_SIZE")))
HASTY_TRIES = 2
HASTY_TIMEOUT_SECONDS = 8.0
HASTY_RETRY_SECONDS = 1.0


class IntercomResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """One Intercom workspace.

    What is left out is taken from the environment variable ``INTERCOM_<FIELD>``, then the default.
    Give ``dg.EnvVar("INTERCOM_ACCESS_TOKEN")`` as access token.
    """

    # A wrong token must not be quoted by pydantic's error about it.
    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: str = Field(
        repr=False,
        description="Access token of your app in Intercom's Developer Hub. Give an EnvVar, so that "
        "the token itself stays out of the code and of Dagster's UI.",
    )
    region: str | None = Field(default=None, description=DESCRIPTIONS["region"])
    base_url: str | None = Field(default=None, description=DESCRIPTIONS["base_url"])
    api_version: str | None = Field(default=None, description=DESCRIPTIONS["api_version"])
    start_date: str | None = Field(default=None, description=DESCRIPTIONS["start_date"])
    lookback: float | None = Field(default=None, description=DESCRIPTIONS["lookback"])
    display_as: str | None = Field(default=None, description=DESCRIPTIONS["display_as"])
    optional_fields: list[str] | None = Field(
        default=None, description=DESCRIPTIONS["optional_fields"]
    )
    page_size: int | None = Field(default=None, description=DESCRIPTIONS["page_size"])
    request_timeout: float | None = Field(default=None, description=DESCRIPTIONS["request_timeout"])
    max_concurrency: int | None = Field(default=None, description=DESCRIPTIONS["max_concurrency"])
    retry_wait: float | None = Field(default=None, description=DESCRIPTIONS["retry_wait"])
    custom_object_types: str | None = Field(
        default=None, description=DESCRIPTIONS["custom_object_types"]
    )

    on_delete: str | None = Field(
        default=None,
        description="What becomes of rows that are gone at Intercom: mark (default) keeps them, "
        "with the time in _deleted_at; remove takes them, and what hangs on them.",
    )
    history: list[str] | None = Field(
        default=None,
        description="Streams of whose rows each version that a run has seen is kept, in "
        "<stream>_history, such as [contacts, companies, conversations, tickets]. Default: none.",
    )
    drop_bodies: bool = Field(
        default=False,
        description="Leave out all that people wrote: bodies of conversations, parts and notes, "
        "titles, subjects and remarks.",
    )
    drop_fields: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Fields that are not to land, by stream: columns, or paths into them, such as "
        '{"conversations": ["source.author.email"]}.',
    )
    hash_fields: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Fields of which only a salted hash is to land, by stream.",
    )
    hash_salt: str | None = Field(
        default=None,
        repr=False,
        description="Salt of the hashes: a long random text that stays the same. Give an EnvVar, "
        "so that it stays out of the code and of Dagster's UI.",
    )

    def __init__(self, **fields: Any) -> None:
        # Dagster shows a resource's configuration in its UI and stores it with each run. A secret
        # that is given as it is goes into this process's environment instead, and only the name of
        # the variable into the configuration.
        super().__init__(**{name: _hidden(name, value) for name, value in fields.items()})

    # Before pydantic has made a plain number of an `EnvVar.int`.
    @field_validator("*", mode="before")
    @classmethod
    def _check(cls, value: Any, info: ValidationInfo) -> Any:
        # An EnvVar is checked when Dagster has resolved it.
        if value is None or isinstance(value, VARIABLES) or info.field_name is None:
            return value
        if info.field_name == "on_delete":
            return checked_on_delete(value)
        if info.field_name == "history":
            return with_history(value)
        check_setting(info.field_name, value)
        return value

    @model_validator(mode="after")
    def _check_fields(self) -> "IntercomResource":
        # A misspelt field is told when the definitions load; the salt is known in a run only.
        Privacy(self.drop_fields, self.hash_fields, "unknown yet", self.drop_bodies)
        return self

    def privacy(self) -> Privacy:
        """What is left out before anything is stored.

        Raises:
            ConfigError: When it names what cannot be left out, or there is no salt to hash with.
        """
        salt = _shown(self.hash_salt) or os.environ.get("INTERCOM_HASH_SALT", "")
        return Privacy(self.drop_fields, self.hash_fields, salt, self.drop_bodies)

    def gone_rows(self) -> str:
        """What becomes of rows that are gone at Intercom.

        Raises:
            ValueError: When the environment says something else than mark or remove.
        """
        return checked_on_delete(
            _shown(self.on_delete) or os.environ.get("INTERCOM_ON_DELETE") or MARK
        )

    def streams_with_history(self) -> list[str]:
        """Streams of whose rows each version is kept.

        Raises:
            ConfigError: When the environment names one that cannot have a history.
        """
        return with_history(self.history)

    def client(self) -> IntercomClient:
        """The client of this workspace, shared by all assets of a process.

        Raises:
            ConfigError: When a setting is missing or wrong.
        """
        return _client(self._settings())

    @contextmanager
    def hasty_client(self) -> Iterator[IntercomClient]:
        """A client for a sensor, which Dagster gives a minute: two short tries, then an error.

        Raises:
            ConfigError: When a setting is missing or wrong.
        """
        settings = self._settings()
        timeout = min(settings.request_timeout, HASTY_TIMEOUT_SECONDS)
        wait = min(settings.retry_wait, HASTY_RETRY_SECONDS)
        settings = replace(settings, request_timeout=timeout, retry_wait=wait)
        with closing(IntercomClient(settings=settings, max_tries=HASTY_TRIES)) as client:
            yield client

    def _settings(self) -> Settings:
        fields = {name: _shown(getattr(self, name)) for name in type(self).model_fields}
        known = Settings.__dataclass_fields__
        return Settings.from_config({name: fields[name] for name in fields if name in known})


def _hidden(name: str, value: Any) -> Any:
    if name not in SECRETS or not value or isinstance(value, dg.EnvVar):
        return value
    check_setting(name, value)
    variable = f"_INTERCOM_SECRET_{hashlib.sha256(value.encode()).hexdigest()[:12].upper()}"
    os.environ[variable] = value
    return dg.EnvVar(variable)


def _shown(value: Any) -> Any:
    return value.get_value() if isinstance(value, VARIABLES) else value


# One client a workspace and process: its connections and its share of the rate limit are common.
@lru_cache(maxsize=32)
def _client(settings: Settings) -> IntercomClient:
    return IntercomClient(settings=settings)
