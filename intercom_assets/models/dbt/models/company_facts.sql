{{ config(enabled='companies' not in var('intercom_without', [])) }}
-- A conversation counts for the company that it names, not for each company of its contact.
with talked as (
    select
        company_id,
        count(*) as conversations,
        count(*) filter (state <> 'closed') as open_conversations,
        min(created_at) as first_conversation_at,
        max(created_at) as last_conversation_at,
        count(rating) as ratings,
        count(*) filter (rating >= 4) as positive_ratings
    from {{ ref('conversation_facts') }}
    where company_id is not null
    group by company_id
)

select
    companies.id as company_id,
    companies.name,
    companies.plan ->> '$.name' as plan,
    companies.monthly_spend,
    companies.user_count,
    companies.created_at,
    companies.last_request_at,
    coalesce(talked.conversations, 0) as conversations,
    coalesce(talked.open_conversations, 0) as open_conversations,
    talked.first_conversation_at,
    talked.last_conversation_at,
    coalesce(talked.ratings, 0) as ratings,
    coalesce(talked.positive_ratings, 0) as positive_ratings
from (
    from {{ source('intercom', 'companies') }}
    union all by name
    select
        null::timestamptz as _deleted_at, null::json as plan, null::double as monthly_spend,
        null::bigint as user_count, null::varchar as name, null::timestamptz as last_request_at
    where false
) as companies
left join talked on talked.company_id = companies.id
where companies._deleted_at is null
