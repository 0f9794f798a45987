{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
-- No two rows of teammate_daily are about the same.
select day, admin_id, count(*) as count
from {{ ref('teammate_daily') }}
group by day, admin_id
having count(*) > 1
