{{ config(enabled='contacts' not in var('intercom_without', [])) }}
select
    cohort_month,
    count(*) as contacts,
    count(*) filter (role = 'user') as users,
    count(*) filter (role = 'lead') as leads,
    count(*) filter (conversations > 0) as contacts_with_conversation,
    cast(sum(conversations) as bigint) as conversations,
    count(*) filter (calendar_seconds_to_second_conversation <= 7 * 86400)
        as returned_within_7_days,
    count(*) filter (calendar_seconds_to_second_conversation <= 30 * 86400)
        as returned_within_30_days
from {{ ref('contact_facts') }}
group by cohort_month
