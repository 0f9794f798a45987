select
    company_id,
    item ->> '$.id' as tag_id,
    item ->> '$.name' as name
from {{ items('companies', 'tags', company_id='id') }}
