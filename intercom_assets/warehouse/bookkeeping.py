"""Our own tables: whose turn it is, what is stored, and what a full refresh or a child has read.

Everything here happens within a transaction that the caller opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

from intercom_assets.streams.records import Parent
from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse.encoding import BIGINT, VARCHAR, encode_column
from intercom_assets.warehouse.errors import CommitLost, OwnershipLost, WrongSource
from intercom_assets.warehouse.names import path


@dataclass(frozen=True)
class Stored:
    """What the warehouse says of a stream.

    Attributes:
        state: The state committed with the newest rows; None if there is none.
        run_id: The run that committed it.
        reset: The reported bookmark that was obeyed last, see `Claim`.
    """

    state: SyncState | None
    run_id: str | None
    reset: str | None


@dataclass(frozen=True)
class Claim:
    """A run's right to write a stream, until another run claims it.

    Attributes:
        stream: The stream's table.
        run_id: The run.
        generation: Counts the claims.
    """

    stream: str
    run_id: str
    generation: int


class Bookkeeping:
    """Our own tables in one schema.

    Args:
        connection: An open connection, in a transaction.
        schema: The schema that the streams' tables are in.
    """

    def __init__(self, connection: DuckDBPyConnection, schema: str) -> None:
        self.connection = connection
        self._schema = path(connection, schema)

    def claim(self, stream: str, source: str, run_id: str) -> tuple[Claim, Stored]:
        """Makes a run the owner of a stream; whoever owned it before can commit no more.

        Raises:
            WrongSource: When the tables hold another workspace's data.
        """
        # A workspace that Intercom did not name once is no other one, and is named later.
        others = self._rows(
            "select distinct source from {}._sync_state "
            "where source <> nullif(?, '') and source <> ''",
            [source],
        )
        if others:
            raise WrongSource(
                f"schema {self._schema} holds data of Intercom workspace {others[0][0]!r}, and the "
                f"access token belongs to {source!r}: use another INTERCOM_DUCKDB_PATH or schema"
            )
        rows = self._rows(
            "select coalesce(generation, 0), state, run_id, reset from {}._sync_state "
            "where stream = ?",
            [stream],
        )
        generation, state, writer, reset = rows[0] if rows else (0, None, None, None)
        if rows:
            # The state stays untouched, so that a commit under way in this process is met as a
            # conflict rather than undone.
            self._run(
                "update {}._sync_state set source = coalesce(nullif(?, ''), source), owner = ?, "
                "generation = ?, claimed_at = now(), commits = 0 where stream = ?",
                [source, run_id, generation + 1, stream],
            )
        else:
            self._run(
                "insert into {}._sync_state by name select ? as stream, nullif(?, '') as source, "
                "? as owner, "
                "? as generation, now() as claimed_at, 0 as commits",
                [stream, source, run_id, generation + 1],
            )
        stored = Stored(SyncState.from_json(json.loads(state)) if state else None, writer, reset)
        return Claim(stream, run_id, generation + 1), stored

    def count_commit(self, claim: Claim, commits: int) -> None:
        """Counts a commit of the stream's owner.

        Args:
            claim: The run that commits.
            commits: How often it has done so before.

        Raises:
            OwnershipLost: When another run has claimed the stream since.
            CommitLost: When one of its commits is gone.
        """
        rows = self._rows(
            "select owner, generation, commits from {}._sync_state where stream = ?", [claim.stream]
        )
        owner, generation, counted = rows[0] if rows else (None, None, None)
        if rows and (owner, generation) != (claim.run_id, claim.generation):
            raise OwnershipLost(
                f"{claim.stream} was taken over by run {owner}, so run {claim.run_id} stops here. "
                "Nothing is lost: what it committed stays"
            )
        if counted != commits:
            raise CommitLost(
                f"{claim.stream}: the database no longer holds what run {claim.run_id} has "
                "committed: the file was replaced by a copy, or another program that writes to it "
                "has overwritten that. The next run goes on from what the database holds"
            )
        self._run(
            "update {}._sync_state set commits = ? where stream = ?", [commits + 1, claim.stream]
        )

    def remember(self, claim: Claim, state: SyncState | None, reset: str | None) -> None:
        """Stores the state that the rows of this transaction make true."""
        self._run(
            "update {}._sync_state set state = ?, run_id = ?, reset = ?, committed_at = now() "
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
        rows = self._rows("select state from {}._sync_state where stream = ?", [stream])
        if not rows or not rows[0][0]:
            return 0
        return SyncState.from_json(json.loads(rows[0][0])).bookmark

    def forget(self, stream: str) -> None:
        """Forgets what is stored of a stream; who owns it and its table's columns stay."""
        self._run("update {}._sync_state set state = null where stream = ?", [stream])
        for table in ("_ledger", "_seen"):
            self._run(f"delete from {{}}.{table} where stream = ?", [stream])

    def forget_columns(self, stream: str) -> None:
        """Forgets the names that fields got in a table that is gone."""
        self._run("delete from {}._columns where stream = ?", [stream])

    def renamed(self, stream: str) -> dict[str, str]:
        """The columns of fields whose own name was taken."""
        return dict(
            self._rows("select field, column_name from {}._columns where stream = ?", [stream])
        )

    def remember_renamed(self, stream: str, renamed: Mapping[str, str]) -> None:
        """Stores columns of fields whose own name was taken."""
        known = self.renamed(stream)
        for field, column in renamed.items():
            if field not in known:
                self._run(
                    "insert into {}._columns (stream, field, column_name) values (?, ?, ?)",
                    [stream, field, column],
                )

    def record_parents(self, stream: str, parents: Sequence[Parent]) -> None:
        """Notes which parents' children are stored, and in which form of the parent."""
        rows = {parent.id: parent for parent in parents}
        if not rows:
            return
        columns: dict[str, tuple[str, list[Any]]] = {
            "id": (VARCHAR, list(rows)),
            "updated_at": (BIGINT, [parent.updated_at for parent in rows.values()]),
            "fetched_at": (BIGINT, [parent.fetched_at for parent in rows.values()]),
        }
        arrays = {name: encode_column(values, kind)[1] for name, (kind, values) in columns.items()}
        self.connection.register("_parents", pa.table(arrays))
        self._run(
            "delete from {}._ledger where stream = ? and parent_id in (select id from _parents)",
            [stream],
        )
        self._run(
            "insert into {}._ledger (stream, parent_id, updated_at, fetched_at) "
            "select ?, id, to_timestamp(updated_at), to_timestamp(fetched_at) from _parents",
            [stream],
        )

    def forget_parents(self, stream: str, since: int) -> None:
        """Makes parents that changed at or after a moment outstanding again."""
        self._run(
            "delete from {}._ledger where stream = ? and updated_at >= to_timestamp(?)",
            [stream, since],
        )

    def record_seen(self, stream: str, refresh: int, keys: pa.ChunkedArray) -> None:
        """Notes keys that a full refresh has met at the source."""
        self.connection.register("_keys", pa.table({"key": keys}))
        self._run("delete from {}._seen where stream = ? and refresh <> ?", [stream, refresh])
        self._run(
            "insert into {}._seen (stream, refresh, key) select distinct ?, ?, key from _keys "
            "where key not in (select key from {}._seen where stream = ?)",
            [stream, refresh, stream],
        )

    def forget_seen(self, stream: str) -> None:
        """Drops a full refresh's notes."""
        self._run("delete from {}._seen where stream = ?", [stream])

    def _run(self, query: str, values: list[Any]) -> None:
        self.connection.execute(query.replace("{}", self._schema), values)

    def _rows(self, query: str, values: list[Any]) -> list[Any]:
        return self.connection.execute(query.replace("{}", self._schema), values).fetchall()
