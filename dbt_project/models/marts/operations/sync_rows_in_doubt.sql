{{ config(materialized='view') }}

with intents as (select * from {{ source('activation', 'intent') }}),

runs as (select * from {{ source('activation', 'run') }}),

final as (
    select
        intents.intent_id,
        intents.run_id,
        intents.sync,
        runs.destination,
        intents.instance,
        intents.key,
        intents.customer_id,
        intents.operation,
        intents.reason,
        intents.http_status,
        intents.sent_at
    from intents
    inner join runs on intents.run_id = runs.run_id
    where intents.state = 'in_doubt' and intents.superseded_by is null
)

select * from final
