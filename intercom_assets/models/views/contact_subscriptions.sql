select
    contact_id,
    item ->> '$.id' as subscription_type_id,
    'opted_in' as choice,
    item ->> '$.state' as subscription_state,
    item ->> '$.consent_type' as consent_type
from {{ items('contacts', 'opted_in_subscription_types', contact_id='id') }}
union all
select
    contact_id,
    item ->> '$.id' as subscription_type_id,
    'opted_out' as choice,
    item ->> '$.state' as subscription_state,
    item ->> '$.consent_type' as consent_type
from {{ items('contacts', 'opted_out_subscription_types', contact_id='id') }}
