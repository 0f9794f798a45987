"""Our own tables: whose turn it is, what is stored, and what a full refresh or a child has read.

Everything here happens within a transaction that the caller opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

from intercom_assets.streams.records import Parent
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse.claims import Claim, Claims
from intercom_assets.warehouse.encoding import BIGINT, VARCHAR, encode_table
from intercom_assets.warehouse.names import one_key


class Bookkeeping(Claims):
    """Our own tables in one schema."""

    def remember(self, claim: Claim, state: SyncState | None, reset: str | None) -> None:
        """Stores the state that the rows of this transaction make true."""
        self._run(
            claim.stream,
            "update {_sync_state} set state = ?, run_id = ?, reset = ?, committed_at = now() "
            "where stream = ?",
            [
                json.dumps(state.to_json()) if state else None,
                claim.run_id,
                reset,
                claim.stream,
            ],
        )

    def bookmark(self, stream: str) -> int:
        """Up to where a stream is complete, epoch seconds; 0 if nothing is known of it."""
        rows = self._rows(stream, "select state from {_sync_state} where stream = ?", [stream])
        if not rows or not rows[0][0]:
            return 0
        return SyncState.from_json(json.loads(rows[0][0])).bookmark

    def forget(self, stream: str) -> None:
        """Forgets what is stored of a stream; who owns it and its table's columns stay."""
        self._run(stream, "update {_sync_state} set state = null where stream = ?", [stream])
        for table in ("_ledger", "_seen"):
            self._run(stream, f"delete from {{{table}}} where stream = ?", [stream])

    def forget_columns(self, stream: str) -> None:
        """Forgets the names that fields got in a table that is gone."""
        self._run(stream, "delete from {_columns} where stream = ?", [stream])

    def renamed(self, stream: str) -> dict[str, str]:
        """The columns of fields whose own name was taken."""
        return dict(
            self._rows(
                stream, "select field, column_name from {_columns} where stream = ?", [stream]
            )
        )

    def remember_renamed(self, stream: str, renamed: Mapping[str, str]) -> None:
        """Stores columns of fields whose own name was taken."""
        known = self.renamed(stream)
        for field, column in renamed.items():
            if field not in known:
                self._run(
                    stream,
                    "insert into {_columns} (stream, field, column_name) values (?, ?, ?)",
                    [stream, field, column],
                )

    def record_parents(self, stream: str, parents: Sequence[Parent]) -> None:
        """Notes which parents' children are stored, and in which form of the parent."""
        rows = {parent.id: parent for parent in parents}
        if not rows:
            return
        columns = encode_table(
            id=(VARCHAR, list(rows)),
            updated_at=(BIGINT, [parent.updated_at for parent in rows.values()]),
            fetched_at=(BIGINT, [parent.fetched_at for parent in rows.values()]),
        )
        self.connection.register("_parents", columns)
        self._run(
            stream,
            "delete from {_ledger} where stream = ? and parent_id in (select id from _parents)",
            [stream],
        )
        self._run(
            stream,
            "insert into {_ledger} (stream, parent_id, updated_at, fetched_at) "
            "select ?, id, to_timestamp(updated_at), to_timestamp(fetched_at) from _parents",
            [stream],
        )

    def merged(self, stream: str) -> dict[str, str]:
        """Into which record each was merged that Intercom told so of."""
        return dict(
            self._rows(
                stream,
                "select id, merged_into from {_gone} where stream = ? and merged_into is not null",
                [stream],
            )
        )

    def forget_keys(self, stream: str, keys: Sequence[str]) -> None:
        """Forgets what is noted of some records of a stream, or of parents of its records."""
        for table, column in (("_ledger", "parent_id"), ("_seen", "key")):
            self._run(
                stream,
                f"delete from {{{table}}} where stream = ? and {column} in (select unnest(?))",
                [stream, list(keys)],
            )

    def forget_parents(self, stream: str, since: int) -> None:
        """Makes parents that changed at or after a moment outstanding again."""
        self._run(
            stream,
            "delete from {_ledger} where stream = ? and updated_at >= to_timestamp(?)",
            [stream, since],
        )

    def record_seen(self, stream: str, refresh: int, keys: pa.Table) -> None:
        """Notes keys that a full refresh has met at the source."""
        self.connection.register("_keys", keys)
        self._run(
            stream, "delete from {_seen} where stream = ? and refresh <> ?", [stream, refresh]
        )
        self._run(
            stream,
            "insert into {_seen} (stream, refresh, key) select distinct ?, ?, "
            f"{one_key(keys.column_names)} as key from _keys "
            "where key not in (select key from {_seen} where stream = ?)",
            [stream, refresh, stream],
        )

    def forget_seen(self, stream: str) -> None:
        """Drops a full refresh's notes."""
        self._run(stream, "delete from {_seen} where stream = ?", [stream])
