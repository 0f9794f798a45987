select
    contact_id,
    item ->> '$.id' as company_id
from {{ items('contacts', 'companies', contact_id='id') }}
