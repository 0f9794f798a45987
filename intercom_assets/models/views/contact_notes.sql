select
    contact_id,
    item ->> '$.id' as note_id,
    {{ moment("item ->> '$.created_at'") }} as created_at,
    item ->> '$.author.id' as author_id,
    item ->> '$.body' as body
from {{ items('contacts', 'notes', contact_id='id') }}
