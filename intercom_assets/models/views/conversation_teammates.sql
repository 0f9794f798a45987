select
    conversation_id,
    item ->> '$.id' as admin_id,
    item ->> '$.type' as teammate_type
from {{ items('conversations', 'teammates', conversation_id='id') }}
