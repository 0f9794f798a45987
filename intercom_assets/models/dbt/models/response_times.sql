{{ config(
    enabled='conversation_parts' not in var('intercom_without', []),
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='conversation_id',
    on_schema_change='fail',
    post_hook="delete from {{ this }} where event_id not in (select event_id from "
        ~ "{{ ref('conversation_events') }} where response_number is not null)",
) }}
-- A response ends a wait: the customer wrote, and after that a teammate for the first time.
-- What is read below only at times dbt is told here: depends_on: {{ ref('workspace_time_zone') }}
{%- if is_incremental() %}
-- Only what has changed here is told anew, and all of it when the workspace has moved to another
-- time zone.
with before as (
    select
        max(responses.synced_at) - interval 10 minute as synced_at,
        max(responses.time_zone) <> max(zone.time_zone) as is_elsewhere
    from {{ this }} as responses
    cross join {{ ref('workspace_time_zone') }} as zone
)
{%- endif %}

select
    event_id,
    conversation_id,
    response_number,
    response_number = 1 as is_first_response,
    waited_since,
    occurred_at as replied_at,
    occurred_on as replied_on,
    cast(epoch(occurred_at) - epoch(waited_since) as bigint) as calendar_seconds,
    actor_id as admin_id,
    team_id,
    time_zone,
    synced_at
from {{ ref('conversation_events') }}
where response_number is not null
{%- if is_incremental() %}
    and (synced_at >= (select before.synced_at from before)
        or (select coalesce(is_elsewhere or before.synced_at is null, true) from before))
{%- endif %}
