select
    article_id,
    position,
    item ->> '$' as collection_id
from {{ items('articles', 'parent_ids', article_id='id') }}
where item ->> '$' <> '0'
union all
-- Before API 2.16 an article named one parent.
select
    id as article_id,
    1 as position,
    parent_id::varchar as collection_id
from {{ live('articles', parent_ids='json', parent_id='varchar', parent_type='varchar') }}
where parent_ids is null and parent_type = 'collection' and parent_id::varchar <> '0'
