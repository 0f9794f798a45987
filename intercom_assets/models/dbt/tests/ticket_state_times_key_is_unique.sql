{{ config(enabled='tickets' not in var('intercom_without', [])
    and 'ticket_parts' not in var('intercom_without', [])) }}
-- No two rows of ticket_state_times are about the same.
select ticket_id, stay_number, count(*) as count
from {{ ref('ticket_state_times') }}
group by ticket_id, stay_number
having count(*) > 1
