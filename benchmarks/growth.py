"""An increment into a large table: its time must follow the increment, not the table."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.harness import Project, intercom, project
from benchmarks.result import Result


def run() -> Iterator[Result]:
    """Yields the results."""
    seconds = []
    for rows in (500_000, 5_000_000):
        with (
            intercom(contacts=20_000, companies=100, conversations=100) as server,
            project(server.url) as ours,
        ):
            ours.materialize("contacts")
            inflate(ours, rows, 10_000)
            seconds.append(ours.materialize("contacts").seconds)
            updated = ours.facts("contacts")["intercom/updated"]
    yield Result(
        f"{updated:,} updates into 5,000,000 rows against 500,000, whole command",
        seconds[1] / seconds[0],
        1.5,
        "times",
    )
    yield from _parts()


def _parts() -> Iterator[Result]:
    """Parts of conversations that changed: each is compared with its row."""
    seconds = []
    for rows in (500_000, 5_000_000):
        with (
            intercom(contacts=100, companies=10, conversations=5_000) as server,
            project(server.url) as ours,
        ):
            ours.materialize("conversations", "conversation_parts")
            copy_parts(ours, rows)
            server.change(1_000)
            ours.materialize("conversations")
            seconds.append(ours.materialize("conversation_parts").seconds)
            told = ours.facts("conversation_parts")
    read, new = told["intercom/records"], told["intercom/inserted"]
    yield Result(
        f"{read:,} parts of changed conversations, {new:,} new, into 5,000,000 rows against "
        "500,000, whole command",
        seconds[1] / seconds[0],
        1.5,
        "times",
    )


def copy_parts(ours: Project, rows: int) -> None:
    """Fills the table of parts with copies; the originals lie in the middle of them."""
    table = "warehouse.intercom.conversation_parts"
    [(count,)] = ours.query(f"select count(*) from {table}")
    copies = rows // count
    ours.query(f"create table originals as from {table}")
    ours.query(f"delete from {table}")
    ours.query(
        f"insert into {table} by name select * exclude n replace ("
        f"case when n = {copies // 2} then id else id || '-' || n end as id, "
        f"case when n = {copies // 2} then conversation_id else conversation_id || '-' || n end "
        "as conversation_id) "
        f"from (select n, o.* from range({copies}) as numbers(n), originals o order by n)"
    )
    ours.query("drop table originals")


def inflate(ours: Project, rows: int, stale: int) -> None:
    """Fills the table of contacts with copies, and makes the newest contacts outdated.

    The copies lie between the originals, so that an increment is scattered over the whole table.
    """
    table, state = "warehouse.intercom.contacts", "warehouse.intercom._sync_state"
    copies = rows // 20_000
    names = ", ".join(
        f'"{name}"'
        for (name,) in ours.query(
            "select column_name from duckdb_columns() "
            "where schema_name = 'intercom' and table_name = 'contacts' and column_name <> 'id'"
        )
    )
    copy = f"case when n = {copies // 2} then id else id || '-' || n end as id"
    ours.query(
        f"create table bigger as select {copy}, {names} "
        f"from range({copies}) as numbers(n), {table} order by n"
    )
    columns = ["id", *names.split(", ")]
    ours.query(f"delete from {table}")
    ours.query(
        f"insert into {table} ({', '.join(columns)}) select {', '.join(columns)} from bigger"
    )
    ours.query("drop table bigger")
    [(moment,)] = ours.query(
        f"select strftime(min(updated_at), '%Y-%m-%dT%H:%M:%SZ') from (select updated_at from "
        f"{table} where id not like '%-%' order by updated_at desc limit {stale})"
    )
    ours.query(
        f"update {table} set updated_at = updated_at - interval 1 second, name = 'outdated' "
        f"where updated_at >= '{moment}' and id not like '%-%'"
    )
    [(text,)] = ours.query(f"select state from {state} where stream = 'contacts'")
    value = json.loads(text)
    value["complete"] = [[value["since"], moment]]
    value = json.dumps(value)
    ours.query(f"update {state} set state = '{value}' where stream = 'contacts'")
