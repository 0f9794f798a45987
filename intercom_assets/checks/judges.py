"""What each check looks at in a table, and what it says of it."""

from intercom_assets.checks.stored import Stored, Verdict
from intercom_assets.streams.search import SearchStream
from intercom_assets.streams.timestamps import to_iso
from intercom_assets.warehouse.names import SYNCED_AT, comma, quote

# A clock may be behind Intercom's by a few seconds without any harm.
TOLERANCE_SECONDS = 60


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
    told = stream.total if isinstance(stream, SearchStream) else None
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


def parts_have_conversation(stored: Stored) -> Verdict:
    """Looks for parts that this run wrote without their conversation."""
    (lost,) = stored.ask(
        f"select count(*) from {stored.own} where {quote(SYNCED_AT)} >= $began "
        f"and conversation_id not in (select id from {stored.table('conversations')})",
        {"began": stored.began},
    )
    return Verdict(
        not lost,
        f"{lost} parts belong to conversations that are not in the table: materialize "
        "conversations with full_refresh"
        if lost
        else "every part has its conversation",
        {"parts_without_conversation": lost},
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
            from {stored.table("conversations")} c
            join {ledger} l on l.parent_id = c.id and l.stream = $stream
            where l.fetched_at >= to_timestamp($since) and l.updated_at = c.updated_at
                and l.fetched_at >= c.updated_at
        ), found as (
            select conversation_id as id, count(*) as parts, bool_or(_parts_truncated) as truncated
            from {stored.own} where conversation_id in (select id from read) group by 1
        )
        select count(told),
            count(*) filter (told > coalesce(parts, 0) and not coalesce(truncated, false)),
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
        else f"{looked} conversations were read and compared; {truncated} have more than the 500 "
        "parts that Intercom gives",
        {"conversations": looked, "incomplete": short, "truncated": truncated},
    )


def _columns(stored: Stored, table: str) -> set[str]:
    return {
        row[0] for row in stored.connection.execute(f"describe {stored.table(table)}").fetchall()
    }


def readable(stored: Stored) -> Verdict:
    """What came could be read."""
    return Verdict(True, "Intercom gives it to this token", {})
