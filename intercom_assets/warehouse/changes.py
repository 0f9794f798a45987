"""What a load did to a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from intercom_assets.warehouse.samples import SAMPLES, Sample


@dataclass
class Changes:
    """What a load did to a table.

    Attributes:
        inserted: Rows that were new.
        updated: Rows that replaced another form of themselves.
        unchanged: Records that the table held already, in this form or a newer one.
        deleted: Rows that went: were marked as gone, or removed.
        versions: Versions of rows that were new to their history.
        new_columns: Columns that a field was the first to need.
        widened: Columns whose type became wider, and what it became.
        unparsed: How many values of each field did not fit their column and lie beside it.
        samples: A few of the rows that were new or updated.
        renamed: Fields whose name was taken, and their columns.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    versions: int = 0
    new_columns: list[str] = field(default_factory=list)
    widened: dict[str, str] = field(default_factory=dict)
    unparsed: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def add(self, other: Changes) -> None:
        """Counts another load's changes in."""
        self.inserted += other.inserted
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.deleted += other.deleted
        self.versions += other.versions
        self.new_columns += other.new_columns
        self.widened |= other.widened
        self.unparsed += other.unparsed
        self.renamed |= other.renamed
        self.samples = [*self.samples, *other.samples][:SAMPLES]
