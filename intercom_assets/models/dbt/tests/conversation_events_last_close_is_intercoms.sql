{{ config(enabled='conversation_parts' not in var('intercom_without', []), severity='warn') }}
-- The last closing by the parts is the one of which Intercom's statistics tell.
select facts.conversation_id, facts.last_close_at, events.last_close_at
from {{ ref('conversation_facts') }} as facts
inner join (
    select conversation_id, max(occurred_at) as last_close_at
    from {{ ref('conversation_events') }}
    where is_close
    group by conversation_id
) as events using (conversation_id)
where abs(epoch(facts.last_close_at) - epoch(events.last_close_at)) > 1
