{{ config(enabled='contacts' not in var('intercom_without', [])) }}
with gaps as (
    select
        contact_id,
        created_at,
        epoch(lead(created_at) over (partition by contact_id order by created_at))
            - epoch(created_at) as seconds_until_next,
        row_number() over (partition by contact_id order by created_at) as number
    from {{ ref('conversation_facts') }}
    where contact_id is not null
),

returned as (
    select
        contact_id,
        bool_or(seconds_until_next <= 7 * 86400) as within_7_days,
        bool_or(seconds_until_next <= 30 * 86400) as within_30_days
    from gaps
    where number = 1
    group by contact_id
)

select
    contacts.cohort_month,
    count(*) as contacts,
    count(*) filter (contacts.role = 'user') as users,
    count(*) filter (contacts.role = 'lead') as leads,
    count(*) filter (contacts.conversations > 0) as contacts_with_conversation,
    cast(sum(contacts.conversations) as bigint) as conversations,
    count(*) filter (returned.within_7_days) as returned_within_7_days,
    count(*) filter (returned.within_30_days) as returned_within_30_days
from {{ ref('contact_facts') }} as contacts
left join returned using (contact_id)
group by contacts.cohort_month
