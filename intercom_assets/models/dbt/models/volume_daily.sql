{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
-- The state of a conversation by its events; where they leave it otherwise than Intercom does now
-- (the oldest of more than 500 parts are lost, or parts are not read yet), it became so when it was
-- last changed.
with facts as (
    select
        conversation_id,
        channel,
        coalesce(team_assignee_id, 'none') as team_id,
        delivered_as,
        created_on,
        state,
        cast(updated_at at time zone zone.time_zone as date) as updated_on
    from {{ ref('conversation_facts') }}
    cross join {{ ref('workspace_time_zone') }} as zone
),

happened as (
    select
        conversation_id,
        occurred_on as day,
        sum(cast(event_number = 1 as bigint)) as started,
        sum(cast(is_first_teammate_reply as bigint)) as first_replied,
        sum(cast(is_close as bigint)) as closed,
        sum(cast(is_first_close as bigint)) as newly_closed,
        sum(cast(is_reopen as bigint)) as reopened,
        sum(change_of_open) as opened
    from {{ ref('conversation_events') }}
    where event_number = 1 or is_first_teammate_reply or is_close or change_of_open <> 0
    group by conversation_id, occurred_on
),

-- What events leave open and Intercom has closed, or the other way round.
corrected as (
    select
        facts.conversation_id,
        facts.updated_on as day,
        cast(facts.state <> 'closed' as bigint) - left_open.is_open as opened
    from facts
    inner join (
        select conversation_id, sum(opened) as is_open from happened group by conversation_id
    ) as left_open using (conversation_id)
    where cast(facts.state <> 'closed' as bigint) <> left_open.is_open
),

summed as (
    select
        day,
        facts.channel,
        facts.team_id,
        facts.delivered_as,
        sum(started) as started,
        sum(first_replied) as first_replied,
        sum(closed) as closed,
        sum(newly_closed) as newly_closed,
        sum(reopened) as reopened,
        sum(opened) as opened
    from (from happened union all by name from corrected)
    inner join facts using (conversation_id)
    group by all
),

-- Each combination has its days from its first to the last day of all.
spans as (
    select channel, team_id, delivered_as, min(day) as first_day
    from summed
    group by all
),

days as (
    select spans.channel, spans.team_id, spans.delivered_as, cast(each.day as date) as day
    from spans
    cross join (select max(day) as last_day from summed) as until
    cross join lateral (
        select unnest(range(spans.first_day, until.last_day + interval 1 day, interval 1 day)) as day
    ) as each
),

counted as (
    select
        days.day,
        days.channel,
        days.team_id,
        days.delivered_as,
        coalesce(summed.started, 0) as started,
        coalesce(summed.first_replied, 0) as first_replied,
        coalesce(summed.closed, 0) as closed,
        coalesce(summed.newly_closed, 0) as newly_closed,
        coalesce(summed.reopened, 0) as reopened,
        sum(coalesce(summed.opened, 0)) over (
            partition by days.channel, days.team_id, days.delivered_as order by days.day
        ) as open_at_end
    from days
    left join summed
        on summed.day = days.day
        and summed.channel = days.channel
        and summed.team_id = days.team_id
        and summed.delivered_as = days.delivered_as
)

select
    day,
    channel,
    nullif(team_id, 'none') as team_id,
    delivered_as,
    cast(started as bigint) as started,
    cast(first_replied as bigint) as first_replied,
    cast(closed as bigint) as closed,
    cast(newly_closed as bigint) as newly_closed,
    cast(reopened as bigint) as reopened,
    cast(open_at_end as bigint) as open_at_end
from counted
where started + first_replied + closed + newly_closed + reopened + open_at_end > 0
