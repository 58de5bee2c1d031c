{{ config(materialized='view') }}

with sizes as (select * from {{ source('activation', 'audience_size') }}),

runs as (select * from {{ source('activation', 'run') }}),

final as (
    select
        sizes.run_id,
        sizes.sync,
        runs.destination,
        sizes.instance,
        sizes.as_of,
        {{ tokyo_date('sizes.as_of') }} as measured_on,
        sizes.source_rows,
        sizes.acknowledged_rows,
        sizes.acknowledged_rows - lag(sizes.acknowledged_rows) over (
            partition by sizes.sync, sizes.instance
            order by sizes.measured_at
        ) as change_since_last_run
    from sizes
    inner join runs on sizes.run_id = runs.run_id
    where runs.sync_class = 'state'
)

select * from final
