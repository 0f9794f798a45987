"""Intercom's errors as Dagster's: a failure that says what to do, or a step to be repeated."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from intercom_assets.client.errors import IntercomError, PermissionDenied, RetriableError
from intercom_assets.extraction import Extraction
from intercom_assets.observability.metadata import IntercomMetadataSet
from intercom_assets.streams import BaseStream, Batch, Run, WorkQueue
from intercom_assets.streams.availability import advice, is_lacking
from intercom_assets.streams.state import SyncState


class Lacking(dg.Failure):
    """Plan, feature, version or scope lack an optional stream: nothing that failing would mend."""


class AssetExtraction(Extraction):
    """An extraction whose errors are Dagster's: a failure that says what to do, or a retry."""

    def __init__(
        self,
        stream: BaseStream,
        run: Run,
        *,
        may_retry: bool,
        retries: tuple[int, float],
        **wanted: Any,
    ) -> None:
        super().__init__(stream, run, **wanted)
        self._may_retry = may_retry
        self._retries = retries

    @property
    def source(self) -> str:
        with self._errors_as_dagsters():
            return super().source

    def batches(
        self, state: SyncState | None = None, queue: WorkQueue | None = None
    ) -> Iterator[Batch]:
        with self._errors_as_dagsters():
            yield from super().batches(state, queue)

    @contextmanager
    def _errors_as_dagsters(self) -> Iterator[None]:
        try:
            yield
        except RetriableError as problem:
            if not self._may_retry:
                raise _failure(self.stream.tap_stream_id, problem) from None
            # Not by a RetryPolicy, which would repeat a step that was cancelled as well.
            raise dg.RetryRequested(*self._retries) from problem
        except IntercomError as problem:
            stream = type(self.stream)
            if is_lacking(stream, problem):
                said = f"{stream.tap_stream_id}: {problem}. {advice(stream)}"
                raise Lacking(said, metadata=_facts(problem), allow_retries=False) from None
            raise _failure(stream.tap_stream_id, problem) from None


def _facts(problem: IntercomError) -> dict[str, str | int]:
    facts = IntercomMetadataSet(
        call=problem.call,
        status=problem.status,
        code=problem.code,
        request_id=problem.request_id,
    )
    return dict(facts)


def _failure(stream: str, problem: IntercomError) -> dg.Failure:
    hint = ""
    if isinstance(problem, PermissionDenied):
        hint = f". To run without it, select 'not key:{stream}', or build the assets without it"
    # The client has repeated what is worth repeating; Dagster's own retries would repeat the rest.
    return dg.Failure(
        f"{stream}: {problem}{hint}",
        metadata=_facts(problem),
        allow_retries=False,
    )
