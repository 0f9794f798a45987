{{ config(
    enabled='conversation_parts' not in var('intercom_without', []),
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='conversation_id',
    on_schema_change='fail',
    post_hook="delete from {{ this }} where conversation_id not in "
        ~ "(select conversation_id from {{ ref('conversation_facts') }})",
) }}
-- The opening message of a conversation is no part: it is told with the conversation itself.
with
{%- if is_incremental() %}
-- A conversation's events are made anew when anything of it has changed, and all of them when the
-- workspace has moved to another time zone. A commit may have begun minutes before it ended.
before as (
    select
        max(events.synced_at) - interval 10 minute as synced_at,
        bool_or(events.occurred_on
            <> cast(events.occurred_at at time zone zone.time_zone as date)) as is_elsewhere
    from {{ this }} as events
    cross join {{ ref('workspace_time_zone') }} as zone
),

changed as (
    select id as conversation_id
    from {{ source('intercom', 'conversations') }}
    where _synced_at >= (select synced_at from before)
        or (select coalesce(is_elsewhere or synced_at is null, true) from before)
    union
    select conversation_id
    from {{ source('intercom', 'conversation_parts') }}
    where _synced_at >= (select synced_at from before)
),
{% endif %}
openings as (
    select
        id as conversation_id,
        id || ':opening' as event_id,
        -1 as place,
        created_at as occurred_at,
        'opening' as part_type,
        true as has_text,
        json_extract_string(source, ['$.author.type', '$.author.id', '$.author.from_ai_agent'])
            as author,
        source ->> '$.delivered_as' as delivered_as,
        null::varchar[] as assigned_to,
        'open' as state,
        _synced_at as synced_at
    from (
        from {{ source('intercom', 'conversations') }}
        union all by name
        select null::timestamptz as _deleted_at, null::json as source where false
    )
    where _deleted_at is null
    {%- if is_incremental() %}
        and id in (select changed.conversation_id from changed)
    {%- endif %}
),

parts as (
    select
        conversation_id,
        id as event_id,
        coalesce(try_cast(id as bigint), 0) as place,
        created_at as occurred_at,
        part_type,
        part_type in ('comment', 'quick_reply') or coalesce(length(body), 0) > 0 as has_text,
        json_extract_string(author, ['$.type', '$.id', '$.from_ai_agent']) as author,
        null::varchar as delivered_as,
        json_extract_string(assigned_to, ['$.type', '$.id']) as assigned_to,
        state,
        _synced_at as synced_at
    from (
        from {{ source('intercom', 'conversation_parts') }}
        union all by name
        select
            null::timestamptz as _deleted_at, null::varchar as body, null::json as author,
            null::json as assigned_to, null::varchar as state
        where false
    )
    where _deleted_at is null
    {%- if is_incremental() %}
        and conversation_id in (select changed.conversation_id from changed)
    {%- endif %}
),

typed as (
    select
        * exclude (has_text, author, assigned_to, state),
        case
            when author[3] = 'true' then 'fin'
            when author[1] in ('user', 'lead', 'contact', 'visitor') then 'contact'
            when author[1] = 'admin' and delivered_as in ('automated', 'campaign_initiated')
                then 'bot'
            when author[1] = 'admin' then 'teammate'
            when author[1] in ('bot', 'operator', 'campaign') then 'bot'
            when author[1] is null and delivered_as = 'customer_initiated' then 'contact'
            else 'other'
        end as actor,
        nullif(author[2], '0') as actor_id,
        case
            when part_type = 'opening' then 'opening'
            when part_type like 'note%' then 'note'
            when part_type like 'close%' then 'close'
            when part_type in ('open', 'assign_and_reopen') then 'reopen'
            when part_type like 'snooz%' then 'snooze'
            when part_type like '%unsnooze%' then 'unsnooze'
            when part_type like '%assignment' then 'assignment'
            when part_type in ('comment', 'quick_reply') then 'message'
            else 'other'
        end as event_type,
        has_text
            and part_type not like 'note%'
            and part_type not like 'conversation_attribute%'
            and part_type not like 'custom_action%'
            and part_type not like 'operator_workflow%' as is_message,
        case assigned_to[1] when 'admin' then assigned_to[2] when 'nobody_admin' then '0' end
            as assigned_admin_id,
        case assigned_to[1] when 'team' then assigned_to[2] when 'nobody_team' then '0' end
            as assigned_team_id,
        case
            when part_type like 'close%' then 'closed'
            when part_type in ('open', 'assign_and_reopen') or part_type like '%unsnooze%'
                then 'open'
            when part_type like 'snooz%' then 'snoozed'
            else state
        end as told_state
    from (from openings union all by name from parts)
),

stated as (
    select
        *,
        -- Older versions of the API tell no state; a customer who writes opens a conversation.
        coalesce(
            told_state, case when is_message and actor = 'contact' then 'open' end
        ) as new_state
    from typed
),

ordered as (
    select
        *,
        row_number() over story as event_number,
        lag(new_state ignore nulls) over story as previous_state,
        last_value(assigned_admin_id ignore nulls) over story as last_admin_id,
        last_value(assigned_team_id ignore nulls) over story as last_team_id,
        count(assigned_admin_id) over whole as count_admin_assignments,
        count(assigned_team_id) over whole as count_team_assignments
    from stated
    window
        story as (
            partition by conversation_id order by occurred_at, place, event_id
            rows between unbounded preceding and current row
        ),
        whole as (partition by conversation_id)
)

select
    ordered.event_id,
    ordered.conversation_id,
    ordered.event_number,
    ordered.occurred_at,
    cast(ordered.occurred_at at time zone zone.time_zone as date) as occurred_on,
    ordered.event_type,
    ordered.part_type,
    ordered.actor,
    ordered.actor_id,
    ordered.is_message,
    ordered.is_message and ordered.actor = 'teammate' as is_teammate_reply,
    ordered.event_type = 'close' as is_close,
    coalesce(ordered.new_state <> 'closed' and ordered.previous_state = 'closed', false)
        as is_reopen,
    coalesce(ordered.new_state, ordered.previous_state) as state,
    nullif(ordered.assigned_admin_id, '0') as assigned_admin_id,
    nullif(ordered.assigned_team_id, '0') as assigned_team_id,
    -- Who had the conversation after the event. Where no assignment is told, it was as it is now.
    case when ordered.count_admin_assignments = 0 then facts.admin_assignee_id
        else nullif(ordered.last_admin_id, '0') end as admin_id,
    case when ordered.count_team_assignments = 0 then facts.team_assignee_id
        else nullif(ordered.last_team_id, '0') end as team_id,
    ordered.synced_at
from ordered
inner join {{ ref('conversation_facts') }} as facts using (conversation_id)
cross join {{ ref('workspace_time_zone') }} as zone
