"""Which people belong to which segments."""

from __future__ import annotations

from zlib import crc32

from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables

# One contact in so many belongs to a given segment.
_SHARE = 3


def segments_of(tables: Tables, contact_id: str) -> list[Record]:
    """The segments of a contact: those that a test has set, else by chance."""
    found = tables.sublists.get((contact_id, "segments"))
    if found is not None:
        return found
    return [
        segment
        for segment in tables.segments.values()
        if crc32(f"{contact_id}{segment['id']}".encode()) % _SHARE == 0
    ]
