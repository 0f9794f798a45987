{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
-- No two rows of team_daily are about the same.
select day, team_id, count(*) as count
from {{ ref('team_daily') }}
group by day, team_id
having count(*) > 1
