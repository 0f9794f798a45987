{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
with story as (
    select
        events.conversation_id,
        count(*) filter (events.is_message and events.actor = 'fin') as fin_messages,
        count(*) filter (events.is_teammate_reply) as teammate_replies,
        min(events.event_number) filter (events.is_close) as first_close,
        min(events.event_number) filter (events.is_teammate_reply) as first_reply,
        max(events.event_number) filter (events.is_message and events.actor = 'contact')
            as last_of_contact
    from {{ ref('conversation_events') }} as events
    inner join {{ ref('conversation_facts') }} as facts using (conversation_id)
    where facts.is_fin_involved
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
    -- It was closed before any teammate had written, and the customer wrote after that.
    not facts.is_fin_resolved
        and coalesce(story.first_close < story.last_of_contact, false)
        and coalesce(story.first_close < story.first_reply, true) as is_taken_back,
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
