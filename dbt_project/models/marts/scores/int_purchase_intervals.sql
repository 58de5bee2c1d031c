{{ config(materialized='ephemeral') }}

with orders as (select * from {{ ref('orders') }}),

-- several orders on one day are one purchase
purchases as (
    select distinct customer_id, ordered_on
    from orders
    where customer_id is not null and not is_cancelled
),

gaps as (
    select
        customer_id,
        ordered_on,
        {{ dbt.datediff(
            'lag(ordered_on) over (partition by customer_id order by ordered_on)',
            'ordered_on', 'day'
        ) }} as gap_days
    from purchases
),

middle as (
    select gap_days as median_days
    from (
        select
            gap_days,
            row_number() over (order by gap_days) as place,
            count(*) over () as gap_count
        from gaps
        where gap_days is not null
    ) as ordered
    where place = floor((gap_count + 1) / 2)
),

customer_gaps as (
    select
        customer_id,
        max(ordered_on) as last_ordered_on,
        sum(gap_days) as days,
        count(gap_days) as gap_count
    from gaps
    group by customer_id
    having count(gap_days) > 0
),

-- few gaps of one's own are drawn towards the median of all
final as (
    select
        customer_gaps.customer_id,
        customer_gaps.last_ordered_on,
        cast(round(
            (
                customer_gaps.days
                + {{ var('interval_prior_gaps', 3) }} * cast(middle.median_days as {{ dbt.type_float() }})
            )
            / (customer_gaps.gap_count + {{ var('interval_prior_gaps', 3) }})
        ) as integer) as interval_days
    from customer_gaps
    cross join middle
)

select
    customer_id,
    interval_days,
    cast({{ dbt.dateadd('day', 'interval_days', 'last_ordered_on') }} as date) as next_order_on
from final
