select
    contact_id,
    item ->> '$.id' as tag_id
from {{ items('contacts', 'tags', contact_id='id') }}
