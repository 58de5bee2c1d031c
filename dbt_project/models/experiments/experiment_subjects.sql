{{ config(materialized='ephemeral') }}

{% set text = dbt.type_string() %}
{% set quarter = 'cast(' ~ dbt.date_trunc('quarter', as_of_date()) ~ ' as timestamp)' %}

with sends as (select * from {{ ref('experiment_sends') }}),

arms as (select * from {{ ref('experiment_arms') }}),

experiments as (select * from {{ ref('experiments') }}),

entries as (select * from {{ ref('journey_entries') }}),

current_customers as (select * from {{ ref('int_current_customers') }}),

customers as (select * from {{ ref('customers') }}),

orders as (select * from {{ ref('orders') }}),

first_entries as (
    select *
    from (
        select
            entries.journey,
            coalesce(current_customers.customer_id, entries.customer_id) as customer_id,
            entries.is_held_out,
            entries.entered_at,
            row_number() over (
                partition by
                    entries.journey,
                    coalesce(current_customers.customer_id, entries.customer_id)
                order by entries.entered_at, entries.entry_id
            ) as place
        from entries
        left join current_customers on entries.customer_id = current_customers.former_customer_id
        where entries.is_accepted
    ) as placed
    where place = 1
),

subjects as (
    select
        sends.experiment,
        cast(arms.allocated_on as {{ text }}) as stratum,
        arms.variant,
        sends.customer_id,
        case when arms.is_contaminated then 1 else 0 end as contaminated,
        sends.send_at as counted_from,
        {{ dbt.dateadd('hour', 'experiments.window_hours', 'sends.send_at') }} as counted_until,
        case when sends.responded_at <= {{ as_of() }} then 1 else 0 end as response
    from sends
    inner join arms
        on sends.experiment = arms.experiment and sends.customer_id = arms.customer_id
    inner join experiments on sends.experiment = experiments.experiment
    where sends.send_at <= {{ as_of() }}

    union all

    -- what a journey brings: all who entered it, whatever they were told
    select
        'holdout:' || journey as experiment,
        '' as stratum,
        case when is_held_out then 'held_out' else 'told' end as variant,
        customer_id,
        0 as contaminated,
        entered_at as counted_from,
        {{ dbt.dateadd('day', var('holdout_window_days', 28), 'entered_at') }} as counted_until,
        cast(null as integer) as response
    from first_entries

    union all

    -- what all promotions of the quarter bring: all who were customers before it began
    select
        'holdout:global:' || {{ control_period() }} as experiment,
        '' as stratum,
        case when {{ is_global_control('customer_id') }} then 'held_out' else 'told' end as variant,
        customer_id,
        0 as contaminated,
        {{ tokyo_to_utc(quarter) }} as counted_from,
        {{ as_of() }} as counted_until,
        cast(null as integer) as response
    from customers
    where first_seen_at < {{ tokyo_to_utc(quarter) }}
),

final as (
    select
        subjects.experiment,
        subjects.stratum,
        subjects.variant,
        subjects.customer_id,
        subjects.contaminated,
        subjects.response,
        max(case when orders.ordered_at > subjects.counted_from then 1 else 0 end) as ordered,
        sum(case when orders.ordered_at > subjects.counted_from then orders.amount_jpy else 0 end)
            as revenue_jpy,
        sum(case when orders.ordered_at <= subjects.counted_from then orders.amount_jpy else 0 end)
            as revenue_before_jpy
    from subjects
    left join orders
        on
            subjects.customer_id = orders.customer_id
            and not orders.is_cancelled
            and orders.ordered_at > {{ dbt.dateadd('day', -1 * var('covariate_days', 56), 'subjects.counted_from') }}
            and orders.ordered_at <= subjects.counted_until
    group by 1, 2, 3, 4, 5, 6
)

select * from final
