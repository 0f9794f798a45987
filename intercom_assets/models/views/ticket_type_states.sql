select
    ticket_type_id,
    position,
    item ->> '$.id' as ticket_state_id,
    item ->> '$.category' as category,
    item ->> '$.internal_label' as internal_label,
    item ->> '$.external_label' as external_label,
    try_cast(item ->> '$.archived' as boolean) as archived
from {{ items('ticket_types', 'ticket_states', ticket_type_id='id', inside='data') }}
