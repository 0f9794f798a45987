select
    conversation_id,
    part_id,
    position,
    item ->> '$.type' as header,
    item ->> '$.email_address' as email_address,
    item ->> '$.name' as name
from {{ items('conversation_parts', 'email_message_metadata', conversation_id='conversation_id', part_id='id', inside='email_address_headers') }}
