"""A large support desk straight into DuckDB's tables: years of it would take a night by the API."""

from __future__ import annotations

from pathlib import Path

import duckdb
from dagster_duckdb import DuckDBResource

from intercom_assets.io_manager import IntercomDuckDBIOManager
from intercom_assets.models.making import make_relations

PARTS = 10  # of each conversation
# What can be made of these tables, each after what it reads.
MODELS = (
    "workspace_time_zone conversation_facts conversation_events response_times csat_ratings "
    "volume_daily teammate_daily team_daily sla_facts fin_conversations fin_content tag_daily "
    "topic_daily contact_facts contact_cohorts"
).split()

_CONVERSATIONS = """
create table {schema}.conversations as
with numbered as (
    select
        i,
        timestamptz '2022-01-01' + to_seconds(i * 340) as began,
        i % 7 as turn,
        i % 12 as team,
        i % 40 as teammate
    from range({count}) as t(i)
)
select
    (10000000 + i)::varchar as id,
    if(turn = 0 and i % 3 = 0, 'open', 'closed') as state,
    turn = 0 and i % 3 = 0 as open,
    'none' as priority,
    (900 + teammate)::varchar as admin_assignee_id,
    if(turn = 6, null, (500 + team)::varchar) as team_assignee_id,
    json_object(
        'type', ['conversation', 'email', 'whatsapp'][1 + i % 3], 'id', i::varchar,
        'delivered_as', if(turn = 5, 'admin_initiated', 'customer_initiated'),
        'subject', '', 'body', '<p>' || repeat('My parcel has not come. ', 4) || '</p>',
        'author', json_object('type', 'user', 'id', 'c' || (i % 90000)), 'attachments', []
    ) as source,
    json_object('initial', 'email', 'current', 'email') as channel,
    json_array(json_object('type', 'contact', 'id', 'c' || (i % 90000))) as contacts,
    null::json as company,
    if(turn < 3, json_array(json_object('type', 'tag', 'id', (turn + 1)::varchar,
        'name', 'tag ' || turn, 'applied_at', epoch(began)::bigint + 60)), '[]'::json) as tags,
    if(turn = 1, json_array(json_object('type', 'topic', 'id', (i % 20)::varchar,
        'name', 'topic ' || (i % 20))), '{{}}'::json) as topics,
    if(turn = 2, json_object('rating', 1 + i % 5, 'remark', null,
        'created_at', epoch(began)::bigint + 7000, 'updated_at', epoch(began)::bigint + 9000,
        'teammate', json_object('type', 'admin', 'id', 900 + teammate)), null)
        as conversation_rating,
    json_object('type', 'conversation', 'created_at', epoch(began)::bigint) as first_contact_reply,
    if(turn = 3, json_object('type', 'conversation_sla_summary', 'sla_name', 'First reply',
        'sla_status', if(i % 2 = 0, 'hit', 'missed')), null) as sla_applied,
    json_object(
        'type', 'conversation_statistics', 'time_to_assignment', 30,
        'time_to_admin_reply', 300 + i % 4000, 'time_to_first_close', 5400,
        'time_to_last_close', 5400, 'median_time_to_reply', 600,
        'first_contact_reply_at', epoch(began)::bigint,
        'first_assignment_at', epoch(began)::bigint + 600,
        'first_admin_reply_at', epoch(began)::bigint + 1200,
        'first_close_at', epoch(began)::bigint + 5400,
        'last_close_at', epoch(began)::bigint + 5400, 'last_closed_by_id', 900 + teammate,
        'count_reopens', 0, 'count_assignments', 1, 'count_conversation_parts', {parts},
        'handling_time', 240, 'assigned_team_first_response_time', []
    ) as statistics,
    turn in (0, 4) as ai_agent_participated,
    if(turn in (0, 4), json_object('source_type', 'workflow', 'last_answer_type', 'ai_answer',
        'resolution_state', if(turn = 4, 'assumed_resolution', 'escalated'), 'rating', null,
        'content_sources', json_object('content_sources', json_array(json_object(
            'content_type', 'article', 'title', 'How to', 'url', '/a/' || (i % 50),
            'locale', 'en')))), null) as ai_agent,
    null::timestamptz as waiting_since,
    null::timestamptz as snoozed_until,
    began as created_at,
    began + interval 2 hour as updated_at,
    -- A first load of a day, some rows a moment.
    timestamptz '2026-01-01' + to_seconds(i // 4) as _synced_at
from numbered
"""

_PARTS = """
create table {schema}.conversation_parts as
with numbered as (
    select i, k, timestamptz '2022-01-01' + to_seconds(i * 340) as began, i % 40 as teammate
    from range({count}) as t(i), range({parts}) as p(k)
)
select
    (20000000 + i * {parts} + k)::varchar as id,
    (10000000 + i)::varchar as conversation_id,
    case k when 1 then 'assignment' when 9 then 'close' when 6 then 'note' else 'comment' end
        as part_type,
    if(k in (1, 9), null, '<p>' || repeat('Some words about the parcel. ', 3) ||
        hash(i * 10 + k) || '</p>')
        as body,
    json_object(
        'type', case when k in (0, 4, 7) then 'user' when k = 1 then 'bot' else 'admin' end,
        'id', case when k in (0, 4, 7) then 'c' || (i % 90000) else (900 + teammate)::varchar end,
        'name', 'Somebody', 'email', 'somebody@example.com',
        'from_ai_agent', k = 3 and i % 7 = 4, 'is_ai_answer', false
    ) as author,
    if(k = 1, json_object('type', 'team', 'id', (500 + i % 12)::varchar), null) as assigned_to,
    if(k = 9, 'closed', 'open') as state,
    '[]'::json as tags,
    '[]'::json as attachments,
    false as redacted,
    {parts} as conversation_total_parts,
    false as _parts_truncated,
    began + to_seconds(600 * k) as created_at,
    began + to_seconds(600 * k) as updated_at,
    timestamptz '2026-01-01' + to_seconds(i // 4) as _synced_at
from numbered
"""

_SMALL = (
    "create table {schema}.workspace as select 'bench' as id_code, 'America/New_York' as timezone, "
    "timestamptz '2026-01-01' as _synced_at",
    "create table {schema}.teams as select (500 + i)::varchar as id, 'Team ' || i as name, "
    "'[]'::json as admin_ids, timestamptz '2026-01-01' as _synced_at from range(12) as t(i)",
    "create table {schema}.admins as select (900 + i)::varchar as id, 'Teammate ' || i as name, "
    "'[]'::json as team_ids, timestamptz '2026-01-01' as _synced_at from range(40) as t(i)",
    "create table {schema}.contacts as select 'c' || i as id, 'user' as role, "
    "'[]'::json as companies, timestamptz '2021-12-01' + to_seconds(i * 900) as created_at, "
    "null::timestamptz as signed_up_at, timestamptz '2026-01-01' as _synced_at "
    "from range(90000) as t(i)",
)


def fill(database: Path, conversations: int) -> None:
    """Makes the tables of a workspace with so many conversations of ten parts each."""
    with duckdb.connect(str(database)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema intercom")
        wanted = {"schema": "intercom", "count": conversations, "parts": PARTS}
        for statement in (_CONVERSATIONS, _PARTS, *_SMALL):
            connection.execute(statement.format(**wanted))
    store = IntercomDuckDBIOManager(duckdb=DuckDBResource(database=str(database))).warehouse()
    for table in ("conversations", "contacts", "teams"):
        for made in make_relations(store, table):
            assert made.problem is None, made.problem


def change(database: Path, conversations: int) -> None:
    """Has so many conversations change, all over the years."""
    with duckdb.connect(str(database)) as connection:
        for table, key in (("conversations", "id"), ("conversation_parts", "conversation_id")):
            connection.execute(
                f"update {database.stem}.intercom.{table} set _synced_at = now(), "
                f"updated_at = now() where {key} in (select id from {database.stem}.intercom"
                ".conversations order by hash(id) limit $count)",
                {"count": conversations},
            )
