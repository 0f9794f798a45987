{{ config(enabled='contacts' not in var('intercom_without', [])) }}
with recursive known as (
    select *
    from (
        from {{ source('intercom', 'contacts') }}
        union all by name
        select
            null::timestamptz as _deleted_at, null::varchar as _merged_into,
            null::timestamptz as signed_up_at, null::varchar as role
        where false
    )
),

-- Whoever was merged talks on as the other, who may have been merged as well.
merged as (
    select id as contact_id, _merged_into as survivor_id, 1 as steps
    from known
    where _merged_into is not null
    union all
    select merged.contact_id, known._merged_into, merged.steps + 1
    from merged
    inner join known on known.id = merged.survivor_id
    where known._merged_into is not null and merged.steps < 100
),

survivors as (
    select contact_id, arg_max(survivor_id, steps) as survivor_id from merged group by contact_id
),

talked as (
    select
        coalesce(survivors.survivor_id, facts.contact_id) as contact_id,
        count(*) as conversations,
        count(*) filter (facts.state <> 'closed') as open_conversations,
        min(facts.created_at, 2) as first_two,
        max(facts.created_at) as last_conversation_at,
        count(facts.rating) as ratings,
        count(*) filter (facts.rating >= 4) as positive_ratings
    from {{ ref('conversation_facts') }} as facts
    left join survivors on survivors.contact_id = facts.contact_id
    where facts.contact_id is not null
    group by all
)

select
    contacts.id as contact_id,
    contacts.role,
    contacts.created_at,
    contacts.signed_up_at,
    cast(date_trunc('month', coalesce(contacts.signed_up_at, contacts.created_at)
        at time zone zone.time_zone) as date) as cohort_month,
    coalesce(talked.conversations, 0) as conversations,
    coalesce(talked.open_conversations, 0) as open_conversations,
    talked.first_two[1] as first_conversation_at,
    talked.last_conversation_at,
    cast(epoch(talked.first_two[2]) - epoch(talked.first_two[1]) as bigint)
        as calendar_seconds_to_second_conversation,
    coalesce(talked.ratings, 0) as ratings,
    coalesce(talked.positive_ratings, 0) as positive_ratings
from known as contacts
left join talked on talked.contact_id = contacts.id
cross join {{ ref('workspace_time_zone') }} as zone
where contacts._deleted_at is null and contacts._merged_into is null
