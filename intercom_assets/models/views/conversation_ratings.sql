select
    id as conversation_id,
    try_cast(conversation_rating ->> '$.rating' as bigint) as rating,
    conversation_rating ->> '$.remark' as remark,
    {{ moment("conversation_rating ->> '$.created_at'") }} as requested_at,
    {{ moment("conversation_rating ->> '$.updated_at'") }} as updated_at,
    conversation_rating ->> '$.contact.id' as contact_id,
    conversation_rating ->> '$.teammate.type' as teammate_type,
    nullif(conversation_rating ->> '$.teammate.id', '0') as teammate_id
from {{ live('conversations', conversation_rating='json') }}
where json_type(conversation_rating) = 'OBJECT'
