select
    ticket_id,
    item ->> '$.type' as object_type,
    item ->> '$.id' as object_id,
    item ->> '$.category' as category
from {{ items('tickets', 'linked_objects', ticket_id='id', inside='data') }}
