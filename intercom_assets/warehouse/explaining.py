"""What went wrong with a database, in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from intercom_assets.warehouse.errors import DatabaseUnavailable
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
        # Not by their types: a full disk is an IOException in one statement, and a
        # TransactionException at the commit.
        said, told = hide(str(problem)), problem
        if said != str(problem):
            # Nor may it stand in what Dagster tells of an error's cause.
            told = type(problem)(said)
            told.__traceback__ = problem.__traceback__
        advice = next((advice for text, advice in _ADVICE.items() if text in said), None)
        passes = kind.will_pass(told)
        if advice is None and not passes and not isinstance(problem, duckdb.IOException):
            raise told from None
        raise DatabaseUnavailable(
            f"the database cannot be written: {said.splitlines()[0]}. The tables are as the last "
            f"commit left them, and the next run goes on from there"
            + (f"; before that, {advice}" if advice else ""),
            passes,
        ) from told
