select
    sources.conversation_id,
    sources.position,
    facts.created_on,
    sources.content_type,
    sources.title,
    sources.url,
    sources.locale,
    facts.is_fin_resolved as is_resolved
from {{ source('intercom', 'conversation_ai_sources') }} as sources
inner join {{ ref('conversation_facts') }} as facts using (conversation_id)
where facts.is_fin_involved
