select
    conversation_id,
    item ->> '$.id' as tag_id,
    item ->> '$.name' as name,
    {{ moment("item ->> '$.applied_at'") }} as applied_at,
    item ->> '$.applied_by.type' as applied_by_type,
    item ->> '$.applied_by.id' as applied_by_id
from {{ items('conversations', 'tags', conversation_id='id') }}
