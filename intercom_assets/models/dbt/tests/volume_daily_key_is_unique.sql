{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
-- No two rows of volume_daily are about the same.
select day, channel, team_id, delivered_as, count(*) as count
from {{ ref('volume_daily') }}
group by day, channel, team_id, delivered_as
having count(*) > 1
