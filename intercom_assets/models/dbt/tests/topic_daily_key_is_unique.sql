-- No two rows of topic_daily are about the same.
select day, topic_id, count(*) as count
from {{ ref('topic_daily') }}
group by day, topic_id
having count(*) > 1
