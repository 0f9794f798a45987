select
    company_id,
    item ->> '$.id' as segment_id,
    item ->> '$.name' as name
from {{ items('companies', 'segments', company_id='id') }}
