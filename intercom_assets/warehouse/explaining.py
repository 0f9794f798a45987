"""What went wrong with a database, in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from intercom_assets.warehouse.errors import DatabaseUnavailable, reason
from intercom_assets.warehouse.kinds.kind import Kind

_ADVICE = {
    "replaying WAL": "rescue what an earlier version left in its log: docs/reliability.md says "
    'how, under "A file that no longer opens"',
    "computed checksum": "the file is damaged, and not by a kill: restore a copy, or "
    "remove it to have everything read again",
    "Could not set lock": "close it there (a notebook, the duckdb shell, another tool) or open it "
    "read-only only while no run is under way",
    "being used by another": "close it there",
    "with a different configuration": "close the connection that another asset or resource of this "
    "process has to it, or give both the same DuckDBResource and connection_config",
    "No such file or directory": "make that folder, or correct INTERCOM_DUCKDB_PATH",
    "not a valid DuckDB database": "INTERCOM_DUCKDB_PATH names something else, or the file is "
    "damaged: restore a copy, or remove it to have everything read again",
    "encryption key": "correct ENCRYPTION_KEY in attach",
    "encrypted database": "give its key as ENCRYPTION_KEY in attach",
    "Permission denied": "give this process the right to write the file and its folder",
    "read-only": "this process must be able to write it",
    "No space left": "make room on the disk",
    "File too large": "make room on the disk",
}


@contextmanager
def explained(kind: Kind, hide: Callable[[str], str]) -> Iterator[None]:
    """Says what to do where DuckDB tells only what went wrong, and hides what nobody may read.

    Args:
        kind: The kind of warehouse.
        hide: Takes secrets out of a message.

    Raises:
        DatabaseUnavailable: When the warehouse cannot be opened or written.
    """
    try:
        yield
    except duckdb.Error as problem:
        passes = kind.will_pass(problem)
        # Not by their types: a full disk is an IOException in one statement, and a
        # TransactionException at the commit.
        if passes or _advice(problem) or isinstance(problem, duckdb.IOException):
            raise unavailable(problem, hide, passes) from _hidden(problem, hide)
        raise _hidden(problem, hide) from None


def unavailable(
    problem: duckdb.Error, hide: Callable[[str], str], will_pass: bool
) -> DatabaseUnavailable:
    """What to say of a database that cannot be opened or written.

    Args:
        problem: What DuckDB says.
        hide: Takes secrets out of a message.
        will_pass: Whether it is likely to be otherwise in a moment.
    """
    advice = _advice(problem)
    return DatabaseUnavailable(
        f"the database cannot be written: {reason(hide(str(problem)))}. The tables are as the last "
        f"commit left them, and the next run goes on from there"
        + (f"; before that, {advice}" if advice else ""),
        will_pass,
    )


def _advice(problem: duckdb.Error) -> str | None:
    return next((advice for text, advice in _ADVICE.items() if text in str(problem)), None)


def _hidden(problem: duckdb.Error, hide: Callable[[str], str]) -> duckdb.Error:
    """A problem without secrets, which may not stand in what Dagster tells of a cause either."""
    said = hide(str(problem))
    if said == str(problem):
        return problem
    told = type(problem)(said)
    told.__traceback__ = problem.__traceback__
    return told
