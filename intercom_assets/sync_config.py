"""What one run may want of an asset."""

from typing import Any

import dagster as dg
from pydantic import Field, field_validator

from intercom_assets.client.settings import check_setting
from intercom_assets.streams import Run
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.warehouse.spec import checked_on_delete


class SyncConfig(dg.Config):
    """Run config of an Intercom asset."""

    full_refresh: bool = Field(
        default=False,
        description="Read everything anew, and then mark or remove rows that Intercom no longer "
        "has (of conversation_parts none). Is remembered until it is complete.",
    )
    sweep: bool = Field(
        default=False,
        description="Only find out which rows are gone at Intercom, by reading all records' keys; "
        "of streams that were read whole once, and that are not read anew just now.",
    )
    start_date: str | None = Field(
        default=None,
        description="How far back to read in this run: ISO 8601 date or date-time. Default: as the "
        "resource says.",
    )
    lookback: float | None = Field(
        default=None,
        description="Seconds before the bookmark that are read again. Default: as the resource "
        "says, 600.",
    )
    allow_empty: bool = Field(
        default=False, description="Let an empty answer empty a table that has rows."
    )
    allow_shrink: bool = Field(
        default=False,
        description="Let a full refresh find more than a fifth of a table's rows gone.",
    )

    on_delete: str | None = Field(
        default=None,
        description="What becomes of rows that are gone at Intercom: mark (in _deleted_at), or "
        "remove. Default: as the resource says.",
    )

    @field_validator("on_delete")
    @classmethod
    def _check_on_delete(cls, value: Any) -> Any:
        return value if value is None else checked_on_delete(value)

    @field_validator("start_date", "lookback")
    @classmethod
    def _check(cls, value: Any, info: Any) -> Any:
        return value if value is None else check_setting(info.field_name, value)

    def run(self, default: Run) -> Run:
        """What this run wants, given what the resource says."""
        return Run(
            since=default.since if self.start_date is None else parse_epoch(self.start_date) or 0,
            lookback=default.lookback if self.lookback is None else int(self.lookback),
            full_refresh=self.full_refresh,
            sweep=self.sweep,
        )
