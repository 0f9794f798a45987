-- Each conversation counts once for a tag, on the day on which the tag was put on it.
select
    cast(coalesce(tags.applied_at, facts.created_at) at time zone zone.time_zone as date) as day,
    tags.tag_id,
    max(tags.name) as tag_name,
    count(distinct tags.conversation_id) as conversations
from {{ source('intercom', 'conversation_tags') }} as tags
inner join {{ ref('conversation_facts') }} as facts using (conversation_id)
cross join {{ ref('workspace_time_zone') }} as zone
group by day, tags.tag_id
