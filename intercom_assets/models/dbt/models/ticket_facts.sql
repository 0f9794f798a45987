{{ config(enabled='tickets' not in var('intercom_without', [])
    and 'ticket_parts' not in var('intercom_without', [])) }}
with stayed as (
    select
        ticket_id,
        min(entered_at) filter (state = 'resolved') as first_resolved_at,
        count(*) filter (state = 'resolved') as times_resolved,
        cast(coalesce(sum(calendar_seconds) filter (state = 'submitted'), 0) as bigint)
            as calendar_seconds_submitted,
        cast(coalesce(sum(calendar_seconds) filter (state = 'in_progress'), 0) as bigint)
            as calendar_seconds_in_progress,
        cast(coalesce(sum(calendar_seconds) filter (state = 'waiting_on_customer'), 0) as bigint)
            as calendar_seconds_waiting_on_customer
    from {{ ref('ticket_state_times') }}
    group by ticket_id
)

select
    tickets.id as ticket_id,
    tickets.ticket_id as ticket_number,
    tickets.category,
    tickets.ticket_type ->> '$.id' as ticket_type_id,
    tickets.ticket_type ->> '$.name' as ticket_type_name,
    tickets.ticket_state ->> '$.category' as state,
    tickets.ticket_state ->> '$.internal_label' as state_label,
    tickets.open as is_open,
    tickets.is_shared,
    tickets.created_at,
    cast(tickets.created_at at time zone zone.time_zone as date) as created_on,
    tickets.updated_at,
    nullif(cast(tickets.admin_assignee_id as varchar), '0') as admin_assignee_id,
    nullif(cast(tickets.team_assignee_id as varchar), '0') as team_assignee_id,
    json_extract_string(tickets.contacts, '$[*].id')[1] as contact_id,
    stayed.first_resolved_at,
    cast(epoch(stayed.first_resolved_at) - epoch(tickets.created_at) as bigint)
        as calendar_seconds_to_first_resolution,
    coalesce(stayed.times_resolved, 0) as times_resolved,
    coalesce(stayed.calendar_seconds_submitted, 0) as calendar_seconds_submitted,
    coalesce(stayed.calendar_seconds_in_progress, 0) as calendar_seconds_in_progress,
    coalesce(stayed.calendar_seconds_waiting_on_customer, 0)
        as calendar_seconds_waiting_on_customer
from (
    from {{ source('intercom', 'tickets') }}
    union all by name
    select
        null::timestamptz as _deleted_at, null::json as ticket_type, null::json as ticket_state,
        null::json as contacts, null::boolean as open, null::boolean as is_shared,
        null::varchar as category, null::varchar as admin_assignee_id,
        null::varchar as team_assignee_id
    where false
) as tickets
left join stayed on stayed.ticket_id = tickets.id
cross join {{ ref('workspace_time_zone') }} as zone
where tickets._deleted_at is null
