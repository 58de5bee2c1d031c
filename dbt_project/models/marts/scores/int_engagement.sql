{{ config(schema='intermediate') }}

with customer_events as (select * from {{ ref('customer_events') }}),

engagement_rules as (select * from {{ ref('engagement_rules') }}),

points as (
    select
        customer_events.customer_id,
        engagement_rules.points,
        {{ dbt.datediff(tokyo_date('customer_events.occurred_at'), as_of_date(), 'day') }}
            as age_days
    from customer_events
    inner join engagement_rules on customer_events.event = engagement_rules.event
),

final as (
    select
        customer_id,
        cast(sum(points) as bigint) as engagement_raw,
        -- two decimals: the order in which an engine adds up must not show
        cast(round(sum(
            points * power(2.0, -1.0 * age_days / {{ var('engagement_half_life_days', 30) }})
        ), 2) as {{ dbt.type_float() }}) as engagement
    from points
    group by customer_id
)

select * from final
