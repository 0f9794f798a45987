{{ config(enabled='tickets' not in var('intercom_without', [])
    and 'ticket_parts' not in var('intercom_without', [])) }}
-- A stay of a ticket in a state. The first begins with the ticket; the last has no end yet.
with tickets as (
    select
        id as ticket_id,
        created_at,
        ticket_state ->> '$.category' as state_now
    from (
        from {{ source('intercom', 'tickets') }}
        union all by name
        select null::timestamptz as _deleted_at, null::json as ticket_state where false
    )
    where _deleted_at is null
),

moves as (
    select
        ticket_id,
        created_at as moved_at,
        coalesce(try_cast(id as bigint), 0) as place,
        previous_ticket_state as came_from,
        ticket_state as went_to
    from (
        from {{ source('intercom', 'ticket_parts') }}
        union all by name
        select
            null::timestamptz as _deleted_at, null::varchar as previous_ticket_state,
            null::varchar as ticket_state
        where false
    )
    where _deleted_at is null
        and part_type like 'ticket_state_updated%'
        and ticket_state is distinct from previous_ticket_state
),

stays as (
    select ticket_id, moved_at as entered_at, place, went_to as state from moves
    union all by name
    select
        tickets.ticket_id,
        tickets.created_at as entered_at,
        -1 as place,
        coalesce(arg_min(moves.came_from, (moves.moved_at, moves.place)), any_value(state_now)) as state
    from tickets
    left join moves using (ticket_id)
    group by tickets.ticket_id, tickets.created_at
)

select
    stays.ticket_id,
    row_number() over story as stay_number,
    stays.state,
    stays.entered_at,
    lead(stays.entered_at) over story as left_at,
    cast(epoch(lead(stays.entered_at) over story) - epoch(stays.entered_at) as bigint)
        as calendar_seconds
from stays
inner join tickets using (ticket_id)
window story as (partition by stays.ticket_id order by stays.entered_at, stays.place)
