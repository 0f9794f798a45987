"""Streams for whoever has no warehouse: as plain records, and as Singer messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pkgutil import resolve_name
from typing import Any, ClassVar

from intercom_assets.client import IntercomClient
from intercom_assets.client.errors import ConfigError
from intercom_assets.streams.records import Batch, Run
from intercom_assets.streams.state import SyncState
from intercom_assets.streams.timestamps import parse_epoch
from intercom_assets.streams.transform import Record


class Reader:
    """What reads batches, and gives their records away."""

    replication_key: ClassVar[str | None] = None
    client: IntercomClient
    # Whether whoever reads wants keys only, see `sweeping`.
    only_keys = False

    def batches(self, state: SyncState | None = None, run: Run | None = None) -> Iterator[Batch]:
        """Yields what a run that starts from a state has to store.

        Args:
            state: What is stored already; None if nothing is.
            run: What this run wants; by default what the client's settings say.
        """
        raise NotImplementedError

    def get_records(
        self, bookmark_datetime: Any = None, is_parent: bool = False
    ) -> Iterator[Record]:
        """Iterates the stream's records without any warehouse.

        Args:
            bookmark_datetime: ISO 8601 date or date-time, or epoch: only records changed since then
                (streams that know no change dates give all); None is the settings' start date.
            is_parent: Accepted for the callers of Singer taps; makes no difference.

        Raises:
            ConfigError: When the bookmark is no point in time.
        """
        since = self._since(bookmark_datetime)
        for batch in self.batches(None, Run(since=since, lookback=0)):
            yield from (record for record in batch.records if self.is_wanted(record, since))

    def sync(
        self,
        state: dict[str, Any],
        stream_schema: dict[str, Any],
        stream_metadata: Any,
        config: Mapping[str, Any],
        transformer: Any,
    ) -> dict[str, Any]:
        """Writes the stream as Singer messages to stdout.

        Args:
            state: Singer state with ``bookmarks``.
            stream_schema: The catalog's JSON schema.
            stream_metadata: The catalog's metadata, as a list or as `singer.metadata.to_map` gives.
            config: The tap's configuration; ``start_date`` counts where there is no bookmark.
            transformer: A `singer.Transformer` in whatever date mode.

        Returns:
            The state with this stream's new bookmark.
        """
        # Looked up by name: the wing that writes messages stands above this one.
        write_stream = resolve_name("intercom_assets.singer.messages:write_stream")
        written: dict[str, Any] = write_stream(
            self, state, stream_schema, stream_metadata, config, transformer
        )
        return written

    def _since(self, bookmark: Any) -> int:
        if bookmark in (None, ""):
            return self.client.settings.start
        since = parse_epoch(bookmark)
        if since is None:
            raise ConfigError(f"{bookmark!r} is no date: write e.g. 2024-01-31T00:00:00Z")
        return since

    def is_wanted(self, record: Record, since: int) -> bool:
        """Whether a record changed since a moment, epoch seconds; one that does not say counts."""
        if not self.replication_key:
            return True
        changed = parse_epoch(record.get(self.replication_key))
        return changed is None or changed >= since
