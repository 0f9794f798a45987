"""What each check looks at in a table, and what it says of it."""

from intercom_assets.checks.stored import Stored, Verdict
from intercom_assets.streams import BaseStream
from intercom_assets.streams.timestamps import to_iso
from intercom_assets.warehouse.names import SYNCED_AT, comma, quote
from intercom_assets.warehouse.statements import living

# A clock may be behind Intercom's by a few seconds without any harm.
TOLERANCE_SECONDS = 60
# Of a conversation or ticket Intercom gives the newest.
MOST_PARTS = 500


def keys(stored: Stored) -> Verdict:
    """Looks for rows without a key, and for keys that are there more than once."""
    columns = type(stored.extraction.stream).unique_key()
    missing = " or ".join(f"{quote(name)} is null" for name in columns)
    names = comma(columns)
    # Of a large table only the keys that this run wrote are counted.
    written = f"select {names} from {stored.own} where {quote(SYNCED_AT)} >= $began"
    nulls, twice = stored.ask(
        f"select (select count(*) from {stored.own} where {missing}), (select count(*) from ("
        f"select {names} from {stored.own} where ({names}) in ({written}) "
        f"group by {names} having count(*) > 1))",
        {"began": stored.began},
    )
    return Verdict(
        not nulls and not twice,
        f"{nulls} rows have no {names}, {twice} keys are there more than once: did another program "
        "write the table? A full_refresh or dropping the table repairs it"
        if nulls or twice
        else f"{names} is there once in every row",
        {"null_keys": nulls, "duplicate_keys": twice},
    )


def bookmark(stored: Stored) -> Verdict:
    """Compares the bookmark with Intercom's clock."""
    bookmark = stored.books.bookmark(stored.name)
    ahead = int(bookmark - stored.extraction.now())
    return Verdict(
        ahead <= TOLERANCE_SECONDS,
        f"the bookmark {to_iso(bookmark)} is {ahead} s ahead of Intercom's clock, so changes until "
        "then would be missed: report a materialization with an earlier intercom/bookmark"
        if ahead > TOLERANCE_SECONDS
        else f"the bookmark is {to_iso(bookmark)}",
        {"seconds_ahead": max(0, ahead)},
    )


def total(stored: Stored) -> Verdict:
    """Compares the rows with how many records Intercom told of."""
    stream = stored.extraction.stream
    told = stream.total
    if told is None:
        return Verdict(True, "Intercom told no total in this run, which read changes only", {})
    (rows,) = stored.ask(f"select count(*) from {stored.own}")
    return Verdict(
        rows >= told,
        f"Intercom told of {told} records and the table has {rows}: materialize again with "
        "full_refresh"
        if rows < told
        else f"Intercom told of {told} records, and the table has {rows}",
        {"rows": rows, "told": told},
    )


def have_parents(stored: Stored) -> Verdict:
    """Looks for rows that this run wrote without their parent."""
    stream = type(stored.extraction.stream)
    assert stream.parent is not None  # as the catalogue says
    parents = stream.parent.tap_stream_id
    column, theirs = parent_column(stream)
    (lost,) = stored.ask(
        f"select count(*) from {stored.own} where {quote(SYNCED_AT)} >= $began and "
        f"{quote(column)} not in (select {quote(theirs)} from {stored.table(parents)} "
        f"where {quote(theirs)} is not null)",
        {"began": stored.began},
    )
    return Verdict(
        not lost,
        f"{lost} rows belong to {parents} that are not in the table: materialize {parents} with "
        "full_refresh"
        if lost
        else f"every row belongs to one of {parents}",
        {"rows_without_parent": lost},
    )


def parent_column(stream: type[BaseStream]) -> tuple[str, str]:
    """The column that names a child's parent, and the parent's column that it is taken from."""
    return next(iter(stream.references.items()))


def ticket_parts_complete(stored: Stored) -> Verdict:
    """Counts the parts of tickets of which this run wrote some."""
    looked, short, truncated = stored.ask(
        f"""
        with written as (
            select ticket_id from {stored.own} where {quote(SYNCED_AT)} >= $began
        ), found as (
            select max_by(ticket_total_parts, ticket_updated_at) as told, count(*) as parts
            from {stored.own} where ticket_id in (from written) group by ticket_id
        )
        select count(*), count(*) filter (told > parts and parts < {MOST_PARTS}),
            count(*) filter (told > parts)
        from found
        """,
        {"began": stored.began},
    )
    return Verdict(
        not short,
        f"{short} of {looked} tickets that were read have fewer parts than Intercom counts: "
        "materialize tickets with full_refresh"
        if short
        else f"{looked} tickets were read and compared; {truncated} have more than the "
        f"{MOST_PARTS} parts that Intercom gives",
        {"tickets": looked, "incomplete": short, "truncated": truncated},
    )


def parts_complete(stored: Stored) -> Verdict:
    """Counts the parts of conversations that this run read, in the form that they still have."""
    if "statistics" not in _columns(stored, "conversations"):
        return Verdict(True, "the conversations have no statistics to compare with", {})
    ledger = stored.books.table("_ledger", stored.name)
    looked, short, truncated = stored.ask(
        f"""
        with read as (
            select c.id, try_cast(json_extract(
                c.statistics, '$.count_conversation_parts') as bigint) as told
            from {living(stored.table("conversations"))} c
            join {ledger} l on l.parent_id = c.id and l.stream = $stream
            where l.fetched_at >= to_timestamp($since) and l.updated_at = c.updated_at
                and l.fetched_at >= c.updated_at
        ), found as (
            select conversation_id as id, count(*) as parts, bool_or(_parts_truncated) as truncated
            from {stored.own} where conversation_id in (select id from read) group by 1
        )
        select count(told),
            count(*) filter (told > coalesce(parts, 0) and coalesce(parts, 0) < {MOST_PARTS}),
            count(*) filter (coalesce(truncated, false))
        from read left join found using (id)
        """,
        {
            "stream": stored.name,
            "since": int(stored.extraction.began),
        },
    )
    return Verdict(
        not short,
        f"{short} of {looked} conversations that were read have fewer parts than Intercom counts: "
        "materialize conversation_parts with full_refresh"
        if short
        else f"{looked} conversations were read and compared; {truncated} have more than the "
        f"{MOST_PARTS} parts that Intercom gives",
        {"conversations": looked, "incomplete": short, "truncated": truncated},
    )


def _columns(stored: Stored, table: str) -> set[str]:
    return {
        row[0] for row in stored.connection.execute(f"describe {stored.table(table)}").fetchall()
    }


def readable(stored: Stored) -> Verdict:
    """What came could be read."""
    return Verdict(True, "Intercom gives it to this token", {})
