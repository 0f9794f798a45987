{{ config(enabled='conversation_parts' not in var('intercom_without', []), severity='warn') }}
-- As many parts are there as Intercom counts; the oldest of more than 500 are not to be had.
select facts.conversation_id, facts.count_parts, count(*) - 1 as parts
from {{ ref('conversation_facts') }} as facts
inner join {{ ref('conversation_events') }} as events using (conversation_id)
group by facts.conversation_id, facts.count_parts
having count(*) - 1 < facts.count_parts and count(*) - 1 < 500
