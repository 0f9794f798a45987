{{ config(enabled='conversation_parts' not in var('intercom_without', [])) }}
-- At the end of the last day as many conversations are open as Intercom says.
select counted.open_at_end, told.open_now
from (
    select sum(open_at_end) as open_at_end
    from {{ ref('volume_daily') }}
    where day = (select max(day) from {{ ref('volume_daily') }})
) as counted
cross join (
    select count(*) as open_now from {{ ref('conversation_facts') }} where state <> 'closed'
) as told
where coalesce(counted.open_at_end, 0) <> told.open_now
