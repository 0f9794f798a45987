{{ config(enabled='conversation_parts' not in var('intercom_without', []), severity='warn') }}
-- The first closing by the parts is the one of which Intercom's statistics tell. Left out are
-- conversations of which parts are missing.
select facts.conversation_id, facts.first_close_at, events.first_close_at
from {{ ref('conversation_facts') }} as facts
inner join (
    select
        conversation_id,
        min(occurred_at) filter (is_close) as first_close_at,
        count(*) - 1 as parts
    from {{ ref('conversation_events') }}
    group by conversation_id
) as events using (conversation_id)
where events.parts >= facts.count_parts
    and abs(epoch(facts.first_close_at) - epoch(events.first_close_at)) > 1
