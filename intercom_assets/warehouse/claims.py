"""Whose turn it is at a stream, and what is stored of it.

Everything here happens within a transaction that the caller opened.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from intercom_assets.streams.state import SyncState
from intercom_assets.warehouse.books import Books
from intercom_assets.warehouse.errors import CommitLost, OwnershipLost, WrongSource
from intercom_assets.warehouse.layout import lay_out
from intercom_assets.warehouse.lease import LEASE_SECONDS, Turn


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
        holder: Where the run has its turn; None if it does without, and takes no lease.
    """

    stream: str
    run_id: str
    generation: int
    holder: str | None = None

    @property
    def lease(self) -> float | None:
        """For how many seconds others leave the stream to the run after it showed that it lives."""
        return None if self.holder is None else LEASE_SECONDS


class Claims(Books):
    """Who owns which stream."""

    def claim(
        self, stream: str, source: str, run_id: str, turn: Turn | None = None
    ) -> tuple[Claim, Stored]:
        """Makes a run the owner of a stream; whoever owned it before can commit no more.

        Args:
            stream: The stream's table, whose books are made if they are not there.
            source: The workspace whose data the run brings.
            run_id: The run.
            turn: The run's turn; without one it neither waits for a lease nor takes one.

        Raises:
            NewerLayout: When a newer version of this package has made the books.
            WrongSource: When the tables hold another workspace's data.
            StreamHeld: When another run has a lease on the stream.
        """
        lay_out(self.connection, self.schema, self._kind, stream)
        self._check_source(stream, source)
        rows = self._rows(
            stream,
            "select coalesce(generation, 0), state, run_id, reset, owner, holder, "
            "heartbeat_at::varchar, coalesce(leased_until > now(), false) "
            "from {_sync_state} where stream = ?",
            [stream],
        )
        generation, state, writer, reset, *lease = rows[0] if rows else (0, None, None, None)
        if turn and lease and lease[0] != run_id:
            turn.check(*lease)
        claim = Claim(stream, run_id, generation + 1, turn.holder if turn else None)
        if not rows:
            self._run(stream, "insert into {_sync_state} (stream) values (?)", [stream])
        # The state stays untouched, so that a commit under way in this process is met as a
        # conflict rather than undone.
        self._run(
            stream,
            "update {_sync_state} set source = coalesce(nullif(?, ''), source), owner = ?, "
            "generation = ?, claimed_at = now(), commits = 0, holder = ?, heartbeat_at = now(), "
            "leased_until = now() + to_seconds(?) where stream = ?",
            [source, run_id, claim.generation, claim.holder, claim.lease, stream],
        )
        stored = Stored(SyncState.from_json(json.loads(state)) if state else None, writer, reset)
        return claim, stored

    def _check_source(self, stream: str, source: str) -> None:
        """Refuses another workspace; one that Intercom did not name once is named later."""
        known = self._rows(
            stream,
            "select source, true from {_layout} union all select source, false from {_sync_state}",
        )
        if source and (others := sorted({s for s, _ in known if s and s != source})):
            raise WrongSource(
                f"schema {self._home} holds data of Intercom workspace {others[0]!r}, and the "
                f"access token belongs to {source!r}: use another INTERCOM_WAREHOUSE or schema"
            )
        if source and (None, True) in known:
            self._run(stream, "update {_layout} set source = ?", [source])

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
            claim.stream,
            "select owner, generation, commits from {_sync_state} where stream = ?",
            [claim.stream],
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
            claim.stream,
            "update {_sync_state} set commits = ?, heartbeat_at = now(), "
            "leased_until = now() + to_seconds(?) where stream = ?",
            [commits + 1, claim.lease, claim.stream],
        )

    def hold(self, claim: Claim, seconds: float | None) -> None:
        """Shows that a stream's owner lives; one that is the owner no more changes nothing.

        Args:
            claim: The owner's.
            seconds: For how long others leave the stream to it; None gives it up.
        """
        self._run(
            claim.stream,
            "update {_sync_state} set heartbeat_at = now(), leased_until = now() + to_seconds(?) "
            "where stream = ? and owner = ? and generation = ?",
            [seconds, claim.stream, claim.run_id, claim.generation],
        )
