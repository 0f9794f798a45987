{{ config(enabled='articles' not in var('intercom_without', [])) }}
with cited as (
    select
        -- Intercom names content by an address that ends with its id.
        regexp_extract(url, 'content=article&id=(\d+)', 1) as article_id,
        count(distinct conversation_id) as fin_conversations,
        count(distinct conversation_id) filter (is_resolved) as fin_conversations_resolved
    from {{ ref('fin_content') }}
    where content_type = 'article'
    group by article_id
)

select
    articles.id as article_id,
    articles.title,
    articles.state,
    articles.default_locale,
    nullif(cast(articles.author_id as varchar), '0') as author_id,
    articles.created_at,
    articles.updated_at,
    -- Running totals, where Intercom gives them.
    try_cast(articles.statistics ->> '$.views' as bigint) as views,
    try_cast(articles.statistics ->> '$.conversions' as bigint) as conversions,
    try_cast(articles.statistics ->> '$.reactions' as bigint) as reactions,
    try_cast(articles.statistics ->> '$.happy_reaction_percentage' as double)
        as happy_reaction_percentage,
    coalesce(cited.fin_conversations, 0) as fin_conversations,
    coalesce(cited.fin_conversations_resolved, 0) as fin_conversations_resolved
from (
    from {{ source('intercom', 'articles') }}
    union all by name
    select
        null::timestamptz as _deleted_at, null::json as statistics, null::varchar as title,
        null::varchar as state, null::varchar as default_locale, null::varchar as author_id
    where false
) as articles
left join cited on cited.article_id = articles.id
where articles._deleted_at is null
