"""What tables say of what is gone, compared with what the sandbox knows, and versions with rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from intercom_assets.sandbox import Workspace
from intercom_assets_tests.truth import differences
from intercom_assets_tests.warehouses import Database, opened

# What hangs on a record, and its column of the record's id.
PARTS = {
    "conversations": ("conversation_parts", "conversation_id"),
    "tickets": ("ticket_parts", "ticket_id"),
}


def ids(database: Database, table: str) -> set[str]:
    """The ids of all rows of a table, marked ones too."""
    return {ident for (ident,) in _rows(database, f"select id from intercom.{table}")}


def wrong_marks(
    database: Database, workspace: Workspace, streams: Collection[str], mode: str = "mark"
) -> list[str]:
    """Every way in which marks and the sandbox disagree.

    Args:
        database: The warehouse.
        workspace: The sandbox's records.
        streams: The tables that are looked at.
        mode: What becomes of rows that are gone.
    """
    found: list[str] = []
    for name in streams:
        found += [f"{name}: {what}" for what in differences(database, workspace, name)]
        if mode == "remove":
            marked = _rows(database, f"from intercom.{name} where _deleted_at is not null")
            found += [f"{name}: {len(marked)} rows are marked, not removed"] * bool(marked)
    for parent, (child, column) in PARTS.items():
        if {parent, child} <= set(streams):
            found += [
                f"{child} {ident}: marked unlike its parent"
                for (ident,) in _rows(
                    database,
                    f"select c.id from intercom.{child} c left join intercom.{parent} p "
                    f"on p.id = c.{column} where c._deleted_at is distinct from p._deleted_at",
                )
            ]
    if "contacts" in streams and mode == "mark":
        found += _wrong_merges(database, workspace)
    return found


def _wrong_merges(database: Database, workspace: Workspace) -> Iterator[str]:
    """Marks of contacts that were merged, and that do not lead to their survivors."""
    query = "select id, _deleted_at, _merged_into from intercom.contacts"
    rows = _rows(database, query)
    into = {ident: survivor for ident, _, survivor in rows if survivor}
    for ident, gone_at, survivor in rows:
        known = workspace.merged_contacts.get(ident)
        while survivor in into:
            survivor = into[survivor]
        if survivor and not gone_at:
            yield f"contacts {ident}: alive, and merged into {survivor}"
        elif survivor != known:
            yield f"contacts {ident}: merged into {survivor} instead of {known}"


def wrong_versions(database: Database, table: str) -> list[str]:
    """Every way in which the versions of a table's rows and the rows disagree.

    A living row has one version that holds, which is its own; versions of a row follow each other
    without gaps, unless it was gone in between, and no two hold at once.
    """
    rows, versions = f"intercom.{table}", f"intercom.{table}_history"
    open_ones = f"(from {versions} where _valid_to is null)"
    queries = {
        "lives without a version that holds": f"select id from {rows} where _deleted_at is null "
        f"and id not in (select id from {open_ones})",
        "is gone, and has a version that holds": f"select id from {open_ones} where id not in "
        f"(select id from {rows} where _deleted_at is null)",
        "has several versions that hold": f"select id from {open_ones} group by id "
        "having count(*) > 1",
        "has a version that holds and is another than the row": f"select v.id from {open_ones} v "
        f"join {rows} t using (id) where t.updated_at is distinct from v.updated_at",
        "has a version that ends before it begins": f"select id from {versions} "
        "where _valid_to < _valid_from",
        "has a gap or an overlap": "select id from (select *, lead(_valid_from) over of_row as "
        f"next from {versions} window of_row as (partition by id order by _valid_from, "
        "_valid_to nulls last)) where next is not null and (_valid_to is null or "
        "_valid_to > next or (_valid_to < next and _deleted_at is null))",
    }
    return [
        f"{table} {ident}: {what}"
        for what, query in queries.items()
        for (ident,) in _rows(database, query)
    ]


def _rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with opened(database) as connection:
        return connection.execute(query).fetchall()
