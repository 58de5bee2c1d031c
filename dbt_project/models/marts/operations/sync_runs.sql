{{ config(materialized='view') }}

with runs as (select * from {{ source('activation', 'run') }}),

final as (
    select
        run_id,
        sync,
        destination,
        instance,
        sync_class,
        mode,
        status,
        problem,
        as_of,
        started_at,
        finished_at,
        {{ dbt.datediff('started_at', 'finished_at', 'second') }} as duration_s,
        source_rows,
        unchanged as unchanged_count,
        held as held_count,
        planned as planned_count,
        coalesce(acked, 0) as acked_count,
        coalesce(rejected, 0) as rejected_count,
        coalesce(in_doubt, 0) as in_doubt_count,
        coalesce(deferred, 0) as deferred_count,
        coalesce(expired, 0) as expired_count,
        status = 'running'
        or planned
        = coalesce(acked, 0) + coalesce(rejected, 0) + coalesce(in_doubt, 0)
        + coalesce(deferred, 0) + coalesce(expired, 0) as is_conserved,
        force_reason,
        reverts_to
    from runs
)

select * from final
