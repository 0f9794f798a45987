{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='conversation_id',
    on_schema_change='fail',
    post_hook="delete from {{ this }} where conversation_id not in (select id from ("
        ~ "from {{ source('intercom', 'conversations') }} union all by name "
        ~ "select null::timestamptz as _deleted_at where false) where _deleted_at is null)",
) }}
-- What Intercom itself says of each conversation. Its durations leave out the time outside office
-- hours; what is counted by the calendar is called so.
with
{%- if is_incremental() %}
-- Only what has changed here is told anew, and all of it when the workspace has moved to another
-- time zone. A commit may have begun minutes before it ended.
before as (
    select
        max(facts.synced_at) - interval 10 minute as synced_at,
        max(facts.time_zone) <> max(zone.time_zone) as is_elsewhere
    from {{ this }} as facts
    cross join {{ ref('workspace_time_zone') }} as zone
),
{% endif %}
told as (
    select
        *,
        json_transform(source, '{
            "type": "VARCHAR", "delivered_as": "VARCHAR",
            "author": {"type": "VARCHAR", "id": "VARCHAR"}
        }') as opening,
        json_transform(statistics, '{
            "time_to_assignment": "BIGINT", "time_to_admin_reply": "BIGINT",
            "time_to_first_close": "BIGINT", "time_to_last_close": "BIGINT",
            "median_time_to_reply": "BIGINT", "handling_time": "BIGINT",
            "adjusted_handling_time": "BIGINT",
            "first_contact_reply_at": "DOUBLE", "first_assignment_at": "DOUBLE",
            "first_admin_reply_at": "DOUBLE", "first_close_at": "DOUBLE",
            "last_assignment_at": "DOUBLE", "last_contact_reply_at": "DOUBLE",
            "last_admin_reply_at": "DOUBLE", "last_close_at": "DOUBLE",
            "last_closed_by_id": "VARCHAR", "count_reopens": "BIGINT",
            "count_assignments": "BIGINT", "count_conversation_parts": "BIGINT"
        }') as measured,
        json_transform(ai_agent, '{
            "source_type": "VARCHAR", "source_title": "VARCHAR", "last_answer_type": "VARCHAR",
            "resolution_state": "VARCHAR", "rating": "BIGINT"
        }') as fin,
        json_extract_string(contacts, '$[*].id') as contact_ids,
        try_cast(first_contact_reply ->> '$.created_at' as double) as first_message_at
    from (
        from {{ source('intercom', 'conversations') }}
        union all by name
        select
            null::timestamptz as _deleted_at, null::json as source, null::json as statistics,
            null::json as ai_agent, null::json as contacts, null::json as first_contact_reply,
            null::json as channel, null::json as company, null::json as conversation_rating,
            null::json as sla_applied, null::json as tags, null::json as topics,
            null::json as ticket, null::varchar as priority, null::timestamptz as waiting_since,
            null::varchar as admin_assignee_id, null::varchar as team_assignee_id,
            null::boolean as ai_agent_participated
        where false
    )
    where _deleted_at is null
    {%- if is_incremental() %}
        and (_synced_at >= (select before.synced_at from before)
            or (select coalesce(is_elsewhere or before.synced_at is null, true) from before))
    {%- endif %}
),

timed as (
    select
        *,
        -- The clock starts when the customer first wrote, be it the opening message or a reply to
        -- ours.
        to_timestamp(least(
            first_message_at,
            measured.first_contact_reply_at,
            case when opening.delivered_as = 'customer_initiated' then epoch(created_at) end
        )) as contact_wrote_at,
        to_timestamp(measured.first_admin_reply_at) as first_admin_reply_at,
        to_timestamp(measured.first_close_at) as first_close_at,
        to_timestamp(measured.last_close_at) as last_close_at
    from told
)

select
    timed.id as conversation_id,
    timed.created_at,
    timed.updated_at,
    cast(timed.created_at at time zone zone.time_zone as date) as created_on,
    timed.state,
    timed.priority,
    coalesce(timed.channel ->> '$.initial', timed.opening.type, 'unknown') as channel,
    coalesce(timed.channel ->> '$.current', timed.channel ->> '$.initial', timed.opening.type,
        'unknown') as current_channel,
    coalesce(timed.opening.delivered_as, 'unknown') as delivered_as,
    case
        when timed.opening.delivered_as = 'customer_initiated' then 'contact'
        when timed.opening.delivered_as = 'admin_initiated' then 'teammate'
        when timed.opening.delivered_as is not null then 'automation'
        else 'unknown'
    end as initiated_by,
    timed.contact_ids[1] as contact_id,
    coalesce(len(timed.contact_ids), 0) as count_contacts,
    timed.company ->> '$.id' as company_id,
    nullif(timed.admin_assignee_id, '0') as admin_assignee_id,
    nullif(timed.team_assignee_id, '0') as team_assignee_id,
    coalesce(json_type(timed.ticket) = 'OBJECT', false) as is_ticket,
    coalesce(len(json_extract(timed.tags, '$[*]')), 0) as count_tags,

    timed.contact_wrote_at,
    timed.first_admin_reply_at,
    timed.first_close_at,
    timed.last_close_at,
    to_timestamp(timed.measured.first_assignment_at) as first_assignment_at,
    to_timestamp(timed.measured.last_assignment_at) as last_assignment_at,
    to_timestamp(timed.measured.last_contact_reply_at) as last_contact_reply_at,
    to_timestamp(timed.measured.last_admin_reply_at) as last_admin_reply_at,
    timed.waiting_since,
    nullif(timed.measured.last_closed_by_id, '0') as last_closed_by_id,

    timed.measured.time_to_admin_reply as office_seconds_to_first_reply,
    timed.measured.median_time_to_reply as office_seconds_to_reply_median,
    timed.measured.time_to_first_close as office_seconds_to_first_close,
    timed.measured.time_to_last_close as office_seconds_to_last_close,
    timed.measured.handling_time as handling_seconds,
    timed.measured.adjusted_handling_time as adjusted_handling_seconds,

    timed.measured.time_to_assignment as calendar_seconds_to_assignment,
    cast(epoch(timed.first_admin_reply_at) - epoch(timed.contact_wrote_at) as bigint)
        as calendar_seconds_to_first_reply,
    cast(epoch(timed.first_close_at) - epoch(timed.contact_wrote_at) as bigint)
        as calendar_seconds_to_first_close,
    cast(epoch(timed.last_close_at) - epoch(timed.contact_wrote_at) as bigint)
        as calendar_seconds_to_last_close,

    timed.measured.count_reopens as count_reopens,
    timed.measured.count_assignments as count_assignments,
    timed.measured.count_conversation_parts as count_parts,

    json_type(timed.conversation_rating) = 'OBJECT' as is_rating_requested,
    try_cast(timed.conversation_rating ->> '$.rating' as bigint) as rating,
    timed.sla_applied ->> '$.sla_name' as sla_name,
    timed.sla_applied ->> '$.sla_status' as sla_status,

    coalesce(timed.ai_agent_participated, false)
        and coalesce(timed.fin.source_type not like '%preview', true) as is_fin_involved,
    coalesce(timed.ai_agent_participated and timed.fin.resolution_state
        in ('assumed_resolution', 'confirmed_resolution')
        and timed.fin.source_type not like '%preview', false) as is_fin_resolved,
    timed.fin.resolution_state as fin_resolution_state,
    timed.fin.last_answer_type as fin_last_answer_type,
    timed.fin.source_type as fin_source_type,
    timed.fin.source_title as fin_source_title,
    timed.fin.rating as fin_rating,
    zone.time_zone,
    timed._synced_at as synced_at
from timed
cross join {{ ref('workspace_time_zone') }} as zone
