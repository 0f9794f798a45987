{{ config(enabled='contacts' not in var('intercom_without', [])) }}
with talked as (
    select
        contact_id,
        count(*) as conversations,
        count(*) filter (state <> 'closed') as open_conversations,
        min(created_at) as first_conversation_at,
        max(created_at) as last_conversation_at,
        count(rating) as ratings,
        count(*) filter (rating >= 4) as positive_ratings
    from {{ ref('conversation_facts') }}
    where contact_id is not null
    group by contact_id
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
    talked.first_conversation_at,
    talked.last_conversation_at,
    coalesce(talked.ratings, 0) as ratings,
    coalesce(talked.positive_ratings, 0) as positive_ratings
from (
    from {{ source('intercom', 'contacts') }}
    union all by name
    select
        null::timestamptz as _deleted_at, null::varchar as _merged_into,
        null::timestamptz as signed_up_at, null::varchar as role
    where false
) as contacts
left join talked on talked.contact_id = contacts.id
cross join {{ ref('workspace_time_zone') }} as zone
where contacts._deleted_at is null and contacts._merged_into is null
