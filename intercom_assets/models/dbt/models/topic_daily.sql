select
    facts.created_on as day,
    topics.topic_id,
    max(topics.name) as topic_name,
    count(distinct topics.conversation_id) as conversations
from {{ source('intercom', 'conversation_topics') }} as topics
inner join {{ ref('conversation_facts') }} as facts using (conversation_id)
group by facts.created_on, topics.topic_id
