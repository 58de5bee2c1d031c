{{ config(materialized='ephemeral') }}

{% set zone = "'" ~ var('customer_zone', 'Asia/Tokyo') ~ "'" %}

with customers as (select * from {{ ref('customers') }}),

customer_events as (select * from {{ ref('customer_events') }}),

quiet_hours as (select * from {{ ref('quiet_hours') }}),

activity as (
    select
        customer_id,
        cast(extract(hour from {{ utc_to_zone('occurred_at', zone) }}) as integer) as local_hour,
        count(*) as event_count
    from customer_events
    where is_by_customer and occurred_at > {{ ago(var('best_hour_days', '90d')) }}
    group by 1, 2
),

-- who is there at ten is likely to be there at nine and eleven, too
spread as (
    {% for neighbour, weight in [(-1, 0.25), (0, 0.5), (1, 0.25)] %}
    select
        customer_id,
        mod(local_hour + {{ 24 + neighbour }}, 24) as local_hour,
        {{ weight }} * event_count as weight
    from activity
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

quiet as (
    select
        {{ minutes_of('quiet_from') }} as quiet_from,
        {{ minutes_of('quiet_until') }} as quiet_until
    from quiet_hours
    where class = 'promotional'
),

-- hours at which nothing may be said are nobody's best
weights as (
    select
        spread.customer_id,
        spread.local_hour,
        sum(spread.weight) as weight
    from spread
    left join quiet
        on case
            when quiet.quiet_from <= quiet.quiet_until
                then spread.local_hour * 60 >= quiet.quiet_from
                    and spread.local_hour * 60 < quiet.quiet_until
            else spread.local_hour * 60 >= quiet.quiet_from
                or spread.local_hour * 60 < quiet.quiet_until
        end
    where quiet.quiet_from is null
    group by spread.customer_id, spread.local_hour
),

population as (
    select
        local_hour,
        sum(weight) / sum(sum(weight)) over () as share,
        row_number() over (order by sum(weight) desc, local_hour) as place
    from weights
    group by local_hour
),

-- a customer's own hours, and the busiest of all for who has none that stands out
scored as (
    select
        weights.customer_id,
        weights.local_hour,
        'personal' as source,
        weights.weight + {{ var('best_hour_prior', 20) }} * population.share as score
    from weights
    inner join population on weights.local_hour = population.local_hour

    union all

    select
        customers.customer_id,
        population.local_hour,
        'population' as source,
        {{ var('best_hour_prior', 20) }} * population.share as score
    from customers
    inner join population on population.place = 1
),

final as (
    select
        customer_id,
        cast(local_hour as bigint) as best_hour,
        source
    from (
        select
            customer_id,
            local_hour,
            source,
            row_number() over (
                partition by customer_id order by score desc, local_hour
            ) as place
        from scored
    ) as ranked
    where place = 1
)

select * from final
