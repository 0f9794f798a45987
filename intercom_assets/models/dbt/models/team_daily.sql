{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
-- A reply counts for the team that had the conversation then, and for no other.
with done as (
    select
        occurred_on as day,
        team_id,
        count(*) filter (is_teammate_reply) as replies_sent,
        count(distinct conversation_id) filter (is_teammate_reply) as conversations_replied_to,
        count(*) filter (is_close) as conversations_closed
    from {{ ref('conversation_events') }}
    where is_teammate_reply or is_close
    group by all
),

given as (
    select
        occurred_on as day,
        assigned_team_id as team_id,
        count(*) as assignments,
        count(distinct conversation_id) as conversations_assigned
    from {{ ref('conversation_events') }}
    where assigned_team_id is not null
    group by all
),

responded as (
    select
        replied_on as day,
        team_id,
        count(*) as responses,
        count(*) filter (is_first_response) as first_responses,
        median(calendar_seconds) filter (is_first_response)
            as first_response_calendar_seconds_median,
        median(calendar_seconds) as response_calendar_seconds_median
    from {{ ref('response_times') }}
    group by all
),

counted as (
    select
        day,
        team_id,
        max(assignments) as assignments,
        max(conversations_assigned) as conversations_assigned,
        max(replies_sent) as replies_sent,
        max(conversations_replied_to) as conversations_replied_to,
        max(conversations_closed) as conversations_closed,
        max(responses) as responses,
        max(first_responses) as first_responses,
        max(first_response_calendar_seconds_median) as first_response_calendar_seconds_median,
        max(response_calendar_seconds_median) as response_calendar_seconds_median
    from (from done union all by name from given union all by name from responded)
    group by all
)

select
    counted.day,
    counted.team_id,
    {% if 'teams' in var('intercom_without', []) %}null::varchar{% else %}teams.name{% endif %}
        as team_name,
    coalesce(counted.assignments, 0) as assignments,
    coalesce(counted.conversations_assigned, 0) as conversations_assigned,
    coalesce(counted.replies_sent, 0) as replies_sent,
    coalesce(counted.conversations_replied_to, 0) as conversations_replied_to,
    coalesce(counted.conversations_closed, 0) as conversations_closed,
    coalesce(counted.responses, 0) as responses,
    coalesce(counted.first_responses, 0) as first_responses,
    counted.first_response_calendar_seconds_median,
    counted.response_calendar_seconds_median
from counted
{%- if 'teams' not in var('intercom_without', []) %}
left join {{ source('intercom', 'teams') }} as teams on teams.id = counted.team_id
{%- endif %}
