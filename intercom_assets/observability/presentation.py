"""How a stream's table shows itself in Dagster, as declarations for whoever materializes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from intercom_assets.streams import BaseStream

_REFERENCE = "https://developers.intercom.com/docs/references/rest-api/api.intercom.io"


@dataclass(frozen=True)
class Chart:
    """A picture of a table.

    Attributes:
        title: What it shows.
        query: SQL over ``{table}`` that gives days (DATE), a series' name, and a count.
        stacked: Whether the series are parts of a whole, and so stand on each other.
    """

    title: str
    query: str
    stacked: bool = True


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
    name = stream.tap_stream_id
    parent = stream.parent.tap_stream_id if stream.parent else ""
    return Presentation(
        docs_url=f"{_REFERENCE}/{stream.docs_page}",
        references={column: (parent, theirs) for column, theirs in stream.references.items()},
        plain=frozenset(_PLAIN[name].split()),
        chart=_CHARTS.get(name),
    )


# What is not named here is masked in previews, and so is every field that Intercom adds.
_ATTRIBUTE = "id type model name full_name label description data_type admin_id"
_PLAIN = {
    "admin_list": "id type away_status_reason_id",
    "admins": "id type away_status_reason_id",
    "company_attributes": _ATTRIBUTE,
    "contact_attributes": _ATTRIBUTE,
    "tags": "id type name",
    "teams": "id type name distribution_method",
    "companies": "id type app_id industry",
    "company_segments": "id type name person_type",
    "segments": "id type name person_type",
    "conversations": "id type state priority admin_assignee_id team_assignee_id",
    "contacts": "id type role workspace_id owner_id language_override browser os",
    "conversation_parts": "id conversation_id type part_type state app_package_code",
}

_CHARTS = {
    "conversations": Chart(
        "Conversations opened and closed a day",
        """
        select created_at::date, 'opened', count(*) from {table} group by all
        union all
        select to_timestamp((statistics->>'last_close_at')::double)::date, 'closed', count(*)
        from {table} group by all
        """,
        stacked=False,
    ),
    "conversation_parts": Chart(
        "Conversation parts a day, by kind",
        "select created_at::date, part_type, count(*) from {table} group by all",
    ),
    "contacts": Chart(
        "New contacts a day, by role",
        "select created_at::date, role, count(*) from {table} group by all",
    ),
}
