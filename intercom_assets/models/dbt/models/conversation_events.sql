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
        max(events.time_zone) <> max(zone.time_zone) as is_elsewhere
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
-- What is gone is no event, but its going is news of the conversation.
gone as (
    select conversation_id, max(_synced_at) as synced_at
    from (
        from {{ source('intercom', 'conversation_parts') }}
        union all by name
        select null::timestamptz as _deleted_at where false
    )
    where _deleted_at is not null
    group by conversation_id
),

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
        * exclude (has_text, author, delivered_as, assigned_to),
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
        has_text
            and part_type not like 'note%'
            and part_type not like 'conversation_attribute%'
            and part_type not like 'custom_action%'
            and part_type not like 'operator_workflow%' as is_message,
        part_type like 'close%' as is_close,
        case assigned_to[1] when 'admin' then assigned_to[2] when 'nobody_admin' then '0' end
            as assigned_admin_id,
        case assigned_to[1] when 'team' then assigned_to[2] when 'nobody_team' then '0' end
            as assigned_team_id
    from (from openings union all by name from parts)
),

stated as (
    select
        * exclude (state),
        is_message and actor = 'teammate' as is_teammate_reply,
        -- Whose turn it was. What bots and Fin say ends no wait.
        case when is_message and actor in ('contact', 'teammate') then actor = 'contact' end
            as is_contacts_turn,
        case
            when is_close then 'closed'
            when part_type in ('open', 'assign_and_reopen') or part_type like '%unsnooze%'
                then 'open'
            when part_type like 'snooz%' then 'snoozed'
            -- Older versions of the API tell no state; a customer who writes opens a conversation.
            else coalesce(state, case when is_message and actor = 'contact' then 'open' end)
        end as told_state
    from typed
),

ordered as (
    select
        * exclude (told_state, synced_at),
        row_number() over story as event_number,
        last_value(told_state ignore nulls) over story as state,
        lag(told_state = 'closed' ignore nulls) over story as was_closed,
        lag(is_contacts_turn ignore nulls) over story as was_contacts_turn,
        last_value(assigned_admin_id ignore nulls) over story as last_admin_id,
        last_value(assigned_team_id ignore nulls) over story as last_team_id,
        count(*) filter (is_teammate_reply) over story as replies,
        count(*) filter (is_close) over story as closings,
        count(assigned_admin_id) over whole > 0 as is_any_admin_told,
        count(assigned_team_id) over whole > 0 as is_any_team_told,
        max(synced_at) over whole as synced_at
    from stated
    window
        story as (
            partition by conversation_id order by occurred_at, place, event_id
            rows between unbounded preceding and current row
        ),
        whole as (
            partition by conversation_id order by occurred_at, place, event_id
            rows between unbounded preceding and unbounded following
        )
),

-- A wait begins with the customer's first message after a teammate's, and ends with a response.
waited as (
    select
        * exclude (is_contacts_turn, was_contacts_turn),
        not is_contacts_turn and was_contacts_turn as is_response,
        last_value(
            case when is_contacts_turn and was_contacts_turn is distinct from true
                then occurred_at end ignore nulls
        ) over story as waited_since,
        count(*) filter (not is_contacts_turn and was_contacts_turn) over story as responses
    from ordered
    window story as (
        partition by conversation_id order by event_number
        rows between unbounded preceding and current row
    )
)

select
    events.event_id,
    events.conversation_id,
    events.event_number,
    events.occurred_at,
    cast(events.occurred_at at time zone zone.time_zone as date) as occurred_on,
    case
        when events.part_type = 'opening' then 'opening'
        when events.part_type like 'note%' then 'note'
        when events.is_close then 'close'
        when events.part_type in ('open', 'assign_and_reopen') then 'reopen'
        when events.part_type like 'snooz%' then 'snooze'
        when events.part_type like '%unsnooze%' then 'unsnooze'
        when events.part_type like '%assignment' then 'assignment'
        when events.part_type in ('comment', 'quick_reply') then 'message'
        else 'other'
    end as event_type,
    events.part_type,
    events.actor,
    events.actor_id,
    events.is_message,
    events.is_teammate_reply,
    events.is_teammate_reply and events.replies = 1 as is_first_teammate_reply,
    case when events.is_response then events.responses end as response_number,
    case when events.is_response then events.waited_since end as waited_since,
    events.is_close,
    events.is_close and events.closings = 1 as is_first_close,
    coalesce(events.was_closed and events.state <> 'closed', false) as is_reopen,
    events.state,
    cast(events.state <> 'closed' as bigint) - cast(coalesce(not events.was_closed, false) as bigint)
        as change_of_open,
    nullif(events.assigned_admin_id, '0') as assigned_admin_id,
    nullif(events.assigned_team_id, '0') as assigned_team_id,
    -- Who had the conversation after the event. Where no assignment is told, it was as it is now.
    case when events.is_any_admin_told then nullif(events.last_admin_id, '0')
        else facts.admin_assignee_id end as admin_id,
    case when events.is_any_team_told then nullif(events.last_team_id, '0')
        else facts.team_assignee_id end as team_id,
    zone.time_zone,
    greatest(events.synced_at, gone.synced_at) as synced_at
from waited as events
inner join {{ ref('conversation_facts') }} as facts using (conversation_id)
left join gone using (conversation_id)
cross join {{ ref('workspace_time_zone') }} as zone
