select
    conversation_id,
    part_id,
    item ->> '$.id' as tag_id,
    item ->> '$.name' as name
from {{ items('conversation_parts', 'tags', conversation_id='conversation_id', part_id='id') }}
