"""How a stream's table shows itself in Dagster, as declarations for whoever materializes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from intercom_assets.streams import BaseStream
from intercom_assets.streams.chart import Chart

_REFERENCE = "https://developers.intercom.com/docs/references/rest-api/api.intercom.io"


@dataclass(frozen=True)
class Presentation:
    """What a materialization tells beside numbers.

    Attributes:
        docs_url: Where the source is documented.
        references: Columns that come from a column of another table: table and column there.
        plain: Text columns without personal data; numbers, booleans and times have none.
        chart: The picture, if there is one.
    """

    docs_url: str
    references: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    chart: Chart | None = None


def presentation_of(stream: type[BaseStream]) -> Presentation:
    """How a stream's table shows itself."""
    parent = stream.parent.tap_stream_id if stream.parent else ""
    return Presentation(
        docs_url=f"{_REFERENCE}/{stream.docs_page}",
        references={column: (parent, theirs) for column, theirs in stream.references.items()},
        # What is not named there is masked in previews, and so is every field that Intercom adds.
        plain=frozenset(stream.plain.split()),
        chart=stream.chart,
    )
