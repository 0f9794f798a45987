-- No two rows of tag_daily are about the same.
select day, tag_id, count(*) as count
from {{ ref('tag_daily') }}
group by day, tag_id
having count(*) > 1
