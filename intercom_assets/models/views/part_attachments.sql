select
    conversation_id,
    part_id,
    position,
    item ->> '$.name' as name,
    item ->> '$.content_type' as content_type,
    try_cast(item ->> '$.filesize' as bigint) as filesize,
    try_cast(item ->> '$.width' as bigint) as width,
    try_cast(item ->> '$.height' as bigint) as height,
    item ->> '$.url' as url
from {{ items('conversation_parts', 'attachments', conversation_id='conversation_id', part_id='id') }}
