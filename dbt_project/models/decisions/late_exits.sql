{{ config(materialized='view') }}

with outbox as (select * from {{ ref('outbox') }}),

exits as (select * from {{ ref('journey_exits') }}),

final as (
    select
        outbox.send_id,
        outbox.customer_id,
        outbox.journey,
        outbox.step,
        outbox.decided_at,
        exits.exited_at,
        exits.exit_reason
    from outbox
    inner join exits on outbox.entry_id = exits.entry_id and exits.exited_at <= outbox.decided_at
)

select * from final
