select
    conversation_id,
    item ->> '$.type' as object_type,
    item ->> '$.id' as object_id,
    item ->> '$.category' as category
from {{ items('conversations', 'linked_objects', conversation_id='id', inside='data') }}
