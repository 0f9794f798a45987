{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
-- Each conversation began on one day, in one row.
select counted.started, told.conversations
from (select coalesce(sum(started), 0) as started from {{ ref('volume_daily') }}) as counted
cross join (select count(*) as conversations from {{ ref('conversation_facts') }}) as told
where counted.started <> told.conversations
