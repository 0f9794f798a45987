-- No two rows of fin_content are about the same.
select conversation_id, position, count(*) as count
from {{ ref('fin_content') }}
group by conversation_id, position
having count(*) > 1
