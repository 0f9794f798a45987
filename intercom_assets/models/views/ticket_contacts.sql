select
    ticket_id,
    position,
    item ->> '$.id' as contact_id,
    item ->> '$.type' as contact_type,
    item ->> '$.external_id' as external_id
from {{ items('tickets', 'contacts', ticket_id='id') }}
