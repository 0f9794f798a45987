{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
with events as (
    select events.*
    from {{ ref('conversation_events') }} as events
    inner join {{ ref('conversation_facts') }} as facts using (conversation_id)
    where facts.is_fin_involved
),

-- Where the conversation was closed and no teammate had written until then.
closed_alone as (
    select conversation_id, min(event_number) as event_number
    from (
        select
            *,
            count(*) filter (is_teammate_reply) over (
                partition by conversation_id order by event_number
            ) as teammate_replies
        from events
    )
    where is_close and teammate_replies = 0
    group by conversation_id
),

story as (
    select
        events.conversation_id,
        count(*) filter (events.is_message and events.actor = 'fin') as fin_messages,
        count(*) filter (events.is_teammate_reply) as teammate_replies,
        coalesce(bool_or(events.is_message and events.actor = 'contact'
            and events.event_number > closed_alone.event_number), false) as is_contact_back
    from events
    left join closed_alone using (conversation_id)
    group by events.conversation_id
)

select
    facts.conversation_id,
    facts.created_at,
    facts.created_on,
    facts.channel,
    facts.team_assignee_id as team_id,
    facts.fin_source_type as source_type,
    facts.fin_source_title as source_title,
    facts.fin_last_answer_type as last_answer_type,
    facts.fin_last_answer_type is not null as is_answered,
    facts.fin_resolution_state as resolution_state,
    facts.is_fin_resolved as is_resolved,
    facts.fin_resolution_state = 'confirmed_resolution' and facts.is_fin_resolved as is_confirmed,
    not facts.is_fin_resolved and coalesce(story.is_contact_back, false) as is_taken_back,
    -- Up to API 2.14 it was called routed_to_team.
    coalesce(facts.fin_resolution_state in
        ('escalated', 'negative_feedback', 'procedure_handoff', 'routed_to_team'), false)
        as is_handed_over,
    coalesce(story.fin_messages, 0) as fin_messages,
    coalesce(story.teammate_replies, 0) as teammate_replies,
    facts.fin_rating as rating
from {{ ref('conversation_facts') }} as facts
left join story using (conversation_id)
where facts.is_fin_involved
