{%- for table in ('contact_attributes', 'company_attributes', 'conversation_attributes') if table in tables %}
select
    '{{ table.removesuffix("_attributes") }}' as model,
    attribute,
    position,
    coalesce(item ->> '$.id', item ->> '$') as option_id,
    coalesce(item ->> '$.label', item ->> '$') as label,
    coalesce(try_cast(item ->> '$.archived' as boolean), false) as archived
from {{ items(table, 'options', attribute='name') }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
