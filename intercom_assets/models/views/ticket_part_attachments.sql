select
    ticket_id,
    part_id,
    position,
    item ->> '$.name' as name,
    item ->> '$.content_type' as content_type,
    try_cast(item ->> '$.filesize' as bigint) as filesize,
    try_cast(item ->> '$.width' as bigint) as width,
    try_cast(item ->> '$.height' as bigint) as height,
    item ->> '$.url' as url
from {{ items('ticket_parts', 'attachments', ticket_id='ticket_id', part_id='id') }}
