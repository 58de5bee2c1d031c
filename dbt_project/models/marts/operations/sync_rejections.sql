{{ config(materialized='view') }}

with rejections as (select * from {{ source('activation', 'rejection') }}),

intents as (select * from {{ source('activation', 'intent') }}),

runs as (select * from {{ source('activation', 'run') }}),

settled as (
    select
        sync,
        instance,
        key,
        max(finished_at) as acked_at
    from intents
    where state = 'acked'
    group by sync, instance, key
),

final as (
    select
        rejections.run_id,
        rejections.key,
        rejections.sync,
        runs.destination,
        rejections.instance,
        rejections.customer_id,
        rejections.operation,
        rejections.reason,
        rejections.http_status,
        rejections.rejected_at,
        coalesce(settled.acked_at > rejections.rejected_at, false) as is_mended
    from rejections
    inner join runs on rejections.run_id = runs.run_id
    left join settled
        on
            rejections.sync = settled.sync
            and rejections.instance = settled.instance
            and rejections.key = settled.key
)

select * from final
