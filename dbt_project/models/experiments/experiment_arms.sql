{{ config(materialized='ephemeral') }}

with assignments as (select * from {{ ref('experiment_assignments') }}),

current_customers as (select * from {{ ref('int_current_customers') }}),

experiments as (select * from {{ ref('experiments') }}),

variants as (select * from {{ ref('experiment_variants') }}),

-- people who were found to be one keep the variant that the first of them got
numbered as (
    select
        assignments.*,
        coalesce(current_customers.customer_id, assignments.customer_id) as current_customer_id,
        row_number() over (
            partition by
                assignments.experiment,
                coalesce(current_customers.customer_id, assignments.customer_id)
            order by assignments.assigned_at, assignments.customer_id
        ) as place,
        min(assignments.variant) over (
            partition by
                assignments.experiment,
                coalesce(current_customers.customer_id, assignments.customer_id)
        ) <> max(assignments.variant) over (
            partition by
                assignments.experiment,
                coalesce(current_customers.customer_id, assignments.customer_id)
        ) as is_contaminated
    from assignments
    left join current_customers on assignments.customer_id = current_customers.former_customer_id
),

final as (
    select
        numbered.experiment,
        experiments.message,
        experiments.is_active,
        numbered.current_customer_id as customer_id,
        numbered.variant,
        variants.template,
        numbered.allocated_on,
        numbered.is_contaminated
    from numbered
    inner join experiments on numbered.experiment = experiments.experiment
    inner join variants
        on numbered.experiment = variants.experiment and numbered.variant = variants.variant
    where numbered.place = 1
)

select * from final
