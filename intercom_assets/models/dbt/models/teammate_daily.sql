{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
with done as (
    select
        occurred_on as day,
        actor_id as admin_id,
        count(*) filter (is_teammate_reply) as replies_sent,
        count(distinct conversation_id) filter (is_teammate_reply) as conversations_replied_to,
        count(*) filter (is_close) as conversations_closed
    from {{ ref('conversation_events') }}
    where actor = 'teammate' and actor_id is not null and (is_teammate_reply or is_close)
    group by all
),

given as (
    select
        occurred_on as day,
        assigned_admin_id as admin_id,
        count(*) as assignments,
        count(distinct conversation_id) as conversations_assigned
    from {{ ref('conversation_events') }}
    where assigned_admin_id is not null
    group by all
),

responded as (
    select
        replied_on as day,
        admin_id,
        count(*) as responses,
        count(*) filter (is_first_response) as first_responses,
        median(calendar_seconds) filter (is_first_response)
            as first_response_calendar_seconds_median,
        median(calendar_seconds) as response_calendar_seconds_median
    from {{ ref('response_times') }}
    where admin_id is not null
    group by all
),

rated as (
    select
        rated_on as day,
        teammate_id as admin_id,
        count(*) as ratings,
        count(*) filter (is_positive) as positive_ratings
    from {{ ref('csat_ratings') }}
    where rating is not null and teammate_id is not null and teammate_type = 'admin'
    group by all
),

counted as (
    select
        day,
        admin_id,
        max(assignments) as assignments,
        max(conversations_assigned) as conversations_assigned,
        max(replies_sent) as replies_sent,
        max(conversations_replied_to) as conversations_replied_to,
        max(conversations_closed) as conversations_closed,
        max(responses) as responses,
        max(first_responses) as first_responses,
        max(first_response_calendar_seconds_median) as first_response_calendar_seconds_median,
        max(response_calendar_seconds_median) as response_calendar_seconds_median,
        max(ratings) as ratings,
        max(positive_ratings) as positive_ratings
    from (
        from done
        union all by name from given
        union all by name from responded
        union all by name from rated
    )
    group by all
)

select
    counted.day,
    counted.admin_id,
    -- Also of those who have left the workspace: their rows are marked, and still there.
    {% if 'admins' in var('intercom_without', []) %}null::varchar{% else %}admins.name{% endif %}
        as admin_name,
    coalesce(counted.assignments, 0) as assignments,
    coalesce(counted.conversations_assigned, 0) as conversations_assigned,
    coalesce(counted.replies_sent, 0) as replies_sent,
    coalesce(counted.conversations_replied_to, 0) as conversations_replied_to,
    coalesce(counted.conversations_closed, 0) as conversations_closed,
    coalesce(counted.responses, 0) as responses,
    coalesce(counted.first_responses, 0) as first_responses,
    counted.first_response_calendar_seconds_median,
    counted.response_calendar_seconds_median,
    coalesce(counted.ratings, 0) as ratings,
    coalesce(counted.positive_ratings, 0) as positive_ratings
from counted
{%- if 'admins' not in var('intercom_without', []) %}
left join {{ source('intercom', 'admins') }} as admins on admins.id = counted.admin_id
{%- endif %}
