"""Mends a file that a kill or a power failure left in the midst of DuckDB's checkpoint.

A checkpoint writes what is new into free parts of the blocks that hold the file's directory, each
block anew and in place, and then the header that tells of them (seen with 1.4.4, 1.5.5 and 2.0.1).
Who dies within such a block leaves some of the new bytes and the checksum of the old ones, or the
other way round, and DuckDB opens the file no more. Nothing is lost: the old header names none of
the new parts, and in all the others the old bytes and the new ones are the same. So a checksum that
is that of what lies there makes the file what it was before the checkpoint, and the log beside it
has what was committed since.
"""

from __future__ import annotations

import logging
import re
import struct
from pathlib import Path
from typing import NamedTuple

import duckdb

from intercom_assets.warehouse.location import local_file
from intercom_assets.warehouse.names import quote

logger = logging.getLogger(__name__)

MENDED = "a checkpoint that was cut off has been mended"
"""What is said when somebody met a torn block; the same will go well now."""

_TORN = re.compile(
    r"computed checksum (\d+) does not match stored checksum (\d+) in block at location (\d+)"
)
# What lies before the first block: three headers.
_HEADERS_BYTES = 3 * 4096
# A kill tears one block, a power failure as many as were on their way to the disk.
_MOST = 1_000


class Torn(NamedTuple):
    """A block whose checksum is not that of its bytes.

    Attributes:
        computed: The checksum of its bytes.
        stored: The one that it has.
        location: Where it begins, in bytes from the file's beginning.
    """

    computed: int
    stored: int
    location: int


def mended(database: str, problem: Exception) -> bool:
    """Gives the torn blocks of a file's directory the checksums of what is in them.

    Only if DuckDB can then read the whole directory, and never a block of data: else the file is
    left as it was, and as it is if somebody else in this process has it open.

    Args:
        database: The database's path.
        problem: What DuckDB says of the file.

    Returns:
        Whether there was something to mend, and all of it was.
    """
    file = local_file(database)
    if file is None or _torn_block(problem) is None:
        return False
    changed: list[Torn] = []
    if _mend(file, changed):
        _say(file, changed)
        return True
    for torn in changed:
        _replace(file, torn.location, torn.computed, torn.stored)
    return False


def _mend(file: Path, changed: list[Torn]) -> bool:
    while len(changed) < _MOST:
        try:
            directory = _look_through(file)
        except duckdb.Error as problem:
            torn = _torn_block(problem)
            if torn is None or not _replace(file, torn.location, torn.stored, torn.computed):
                return False
            changed.append(torn)
        else:
            return bool(changed) and directory.issuperset(torn.location for torn in changed)
    return False


def _torn_block(problem: Exception) -> Torn | None:
    """The block that DuckDB finds damaged, if that is what it says."""
    found = _TORN.search(str(problem))
    return Torn(*map(int, found.groups())) if found else None


def _look_through(file: Path) -> set[int]:
    """Reads all of a file's directory, changing nothing; returns where its blocks begin."""
    with duckdb.connect(str(file), read_only=True) as connection:
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = current_database() and not temporary"
        ).fetchall():
            name = f"{quote(schema)}.{quote(table)}"
            connection.execute("select count(*) from pragma_storage_info(?)", [name]).fetchall()
        [(size,)] = connection.execute("select block_size from pragma_database_size()").fetchall()
        blocks = connection.execute("select block_id from pragma_metadata_info()").fetchall()
    return {_HEADERS_BYTES + block * size for (block,) in blocks}


def _replace(file: Path, location: int, old: int, new: int) -> bool:
    """Writes a block's checksum, its first eight bytes; returns whether the old one was there."""
    with file.open("r+b") as stream:
        stream.seek(location)
        if stream.read(8) != struct.pack("<Q", old):
            return False
        stream.seek(location)
        stream.write(struct.pack("<Q", new))
    return True


def _say(file: Path, changed: list[Torn]) -> None:
    blocks = ", ".join(f"at {t.location} {t.stored} became {t.computed}" for t in changed)
    logger.warning(
        f"{file}: DuckDB's checkpoint was cut off by a kill or a power failure. Nothing is lost: "
        f"the file is again as before that checkpoint, by new checksums of its directory: {blocks}"
    )
