select
    contact_id,
    position,
    item ->> '$.name' as network,
    item ->> '$.url' as url
from {{ items('contacts', 'social_profiles', contact_id='id') }}
