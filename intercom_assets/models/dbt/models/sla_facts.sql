-- Intercom sets missed only when a teammate replies next: until then an overdue one looks active.
select
    conversation_id,
    created_on,
    sla_name,
    sla_status,
    sla_status = 'hit' as is_hit,
    sla_status = 'missed' as is_missed,
    sla_status = 'active' as is_active,
    waiting_since,
    team_assignee_id as team_id,
    admin_assignee_id as admin_id,
    channel
from {{ ref('conversation_facts') }}
where sla_name is not null and sla_status is not null
