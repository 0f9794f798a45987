"""Which people belong to which segments."""

from __future__ import annotations

from intercom_assets.sandbox.chance import draw
from intercom_assets.sandbox.plan import Record
from intercom_assets.sandbox.tables import Tables

# One contact in so many belongs to a given segment.
_SHARE = 3


def segments_of(tables: Tables, contact_id: str) -> list[Record]:
    """The segments of a contact, without how many others are in them."""
    return [
        {name: value for name, value in segment.items() if name != "count"}
        for segment in tables.segments.values()
        if draw(contact_id, segment["id"], _SHARE) == 0
    ]
