{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
-- A response ends a wait: the customer wrote, and after that a teammate for the first time. What bots
-- and Fin say in between ends no wait.
with turns as (
    select
        *,
        count(*) filter (is_teammate_reply) over (
            partition by conversation_id order by event_number
            rows between unbounded preceding and 1 preceding
        ) as replies_before
    from {{ ref('conversation_events') }}
    where is_message and actor in ('contact', 'teammate')
),

waits as (
    select
        conversation_id,
        replies_before,
        min(occurred_at) filter (actor = 'contact') as waited_since,
        any_value(struct_pack(event_id, event_number, occurred_at, occurred_on, actor_id, team_id))
            filter (is_teammate_reply) as reply
    from turns
    group by conversation_id, replies_before
)

select
    reply.event_id as event_id,
    conversation_id,
    row_number() over (partition by conversation_id order by reply.event_number)
        as response_number,
    response_number = 1 as is_first_response,
    waited_since,
    reply.occurred_at as replied_at,
    reply.occurred_on as replied_on,
    cast(epoch(reply.occurred_at) - epoch(waited_since) as bigint) as calendar_seconds,
    reply.actor_id as admin_id,
    reply.team_id as team_id
from waits
where reply is not null and waited_since is not null
