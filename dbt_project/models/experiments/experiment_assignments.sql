{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

with experiments as (select * from {{ ref('experiments') }}),

allocation as (select * from {{ ref('experiment_allocation') }}),

schedule as (select * from {{ ref('journey_schedule') }}),

current_customers as (select * from {{ ref('int_current_customers') }}),

-- the split of today, or the last one where the experiment has ended
current_allocation as (
    select allocation.*
    from allocation
    inner join (
        select experiment, max(allocated_on) as allocated_on
        from allocation
        group by experiment
    ) as latest
        on
            allocation.experiment = latest.experiment
            and allocation.allocated_on = latest.allocated_on
),

-- whose message is due, whatever the gates will say: they do not know of variants
due as (
    select
        experiments.experiment,
        schedule.customer_id,
        {{ hash_bucket("experiments.experiment || '|' || schedule.customer_id") }} / 10000.0 as place
    from schedule
    inner join experiments on schedule.message = experiments.message
    where
        experiments.is_active
        and not schedule.is_held_out
        and schedule.due_at <= {{ as_of() }}
        and schedule.expires_at >= {{ as_of() }}
        and (schedule.exited_at is null or schedule.exited_at > schedule.due_at)
    group by experiments.experiment, schedule.customer_id
),

final as (
    select
        due.experiment,
        due.customer_id,
        current_allocation.variant,
        current_allocation.allocated_on,
        {{ as_of() }} as assigned_at
    from due
    inner join current_allocation
        on
            due.experiment = current_allocation.experiment
            and due.place >= current_allocation.share_from
            and due.place < current_allocation.share_until
    {% if is_incremental() %}
    where not exists (
        select 1
        from {{ this }} as known
        left join current_customers on known.customer_id = current_customers.former_customer_id
        where
            known.experiment = due.experiment
            and coalesce(current_customers.customer_id, known.customer_id) = due.customer_id
    )
    {% endif %}
)

select * from final
