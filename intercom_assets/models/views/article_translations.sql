select
    article_id,
    locale,
    item ->> '$.title' as title,
    item ->> '$.description' as description,
    item ->> '$.body' as body,
    nullif(item ->> '$.author_id', '0') as author_id,
    item ->> '$.state' as state,
    item ->> '$.url' as url,
    {{ moment("item ->> '$.created_at'") }} as created_at,
    {{ moment("item ->> '$.updated_at'") }} as updated_at
from (
    select
        id as article_id,
        unnest(json_keys(translated_content)) as locale,
        json_extract(translated_content, '/' || replace(replace(locale, '~', '~0'), '/', '~1')) as item
    from {{ live('articles', translated_content='json') }}
)
where json_type(item) = 'OBJECT'
