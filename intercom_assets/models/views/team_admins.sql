select
    team_id,
    item ->> '$' as admin_id,
    case
        when list_contains(json_extract_string(admin_priority_level, '$.primary_admin_ids[*]'), item ->> '$') then 'primary'
        when list_contains(json_extract_string(admin_priority_level, '$.secondary_admin_ids[*]'), item ->> '$') then 'secondary'
    end as priority
from {{ items('teams', 'admin_ids', team_id='id', admin_priority_level='admin_priority_level') }}
