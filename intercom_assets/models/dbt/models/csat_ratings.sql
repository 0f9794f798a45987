select
    ratings.conversation_id,
    ratings.requested_at,
    case when ratings.rating is not null
        then coalesce(ratings.updated_at, ratings.requested_at) end as rated_at,
    cast(rated_at at time zone zone.time_zone as date) as rated_on,
    ratings.rating,
    ratings.rating >= 4 as is_positive,
    ratings.remark,
    ratings.contact_id,
    ratings.teammate_type,
    ratings.teammate_id,
    facts.team_assignee_id as team_id,
    facts.channel
from {{ source('intercom', 'conversation_ratings') }} as ratings
inner join {{ ref('conversation_facts') }} as facts using (conversation_id)
cross join {{ ref('workspace_time_zone') }} as zone
