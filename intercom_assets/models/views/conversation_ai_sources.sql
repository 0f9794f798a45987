select
    conversation_id,
    position,
    item ->> '$.content_type' as content_type,
    item ->> '$.title' as title,
    item ->> '$.url' as url,
    item ->> '$.locale' as locale
from {{ items('conversations', 'ai_agent', conversation_id='id', inside='content_sources.content_sources') }}
