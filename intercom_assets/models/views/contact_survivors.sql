with recursive merges as (
    select id as contact_id, _merged_into as survivor_id
    from {{ all('contacts', id='varchar') }}
    where _merged_into is not null
    union
    select item ->> '$.source_contact_id', contact_id
    from {{ items('contacts', 'merge_history', contact_id='id') }}
),
followed as (
    select contact_id, survivor_id, 1 as steps from merges
    union all
    select followed.contact_id, merges.survivor_id, followed.steps + 1
    from followed join merges on merges.contact_id = followed.survivor_id
    where followed.steps < 100
)
select contact_id, arg_max(survivor_id, steps) as survivor_id
from followed
where contact_id is not null
group by contact_id
union all
select id, id
from {{ all('contacts', id='varchar') }}
where id not in (select contact_id from merges where contact_id is not null)
