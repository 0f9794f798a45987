select
    conversation_id,
    item ->> '$.id' as topic_id,
    item ->> '$.name' as name
-- The envelope of topics is kept where Intercom says that it cut the list.
from {{ items('conversations', 'topics', conversation_id='id', inside='topics') }}
