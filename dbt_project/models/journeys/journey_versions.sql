{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}
{{ check_journeys(ref('journeys'), ref('journey_steps'), ref('messages')) }}

with steps as (select * from {{ ref('int_seeded_steps') }}),

final as (
    select
        steps.journey,
        steps.version,
        steps.step,
        steps.delay,
        steps.delay_unit,
        steps.at_time,
        steps.condition,
        steps.message,
        steps.expires_hours,
        {{ as_of() }} as recorded_at
    from steps
    {% if is_incremental() %}
    where not exists (
        select 1
        from {{ this }} as known
        where known.journey = steps.journey and known.version = steps.version
    )
    {% endif %}
)

select * from final
