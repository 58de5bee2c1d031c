with orders as (select * from {{ ref('orders') }}),

order_lines as (select * from {{ ref('order_lines') }}),

-- counted back from the latest order, so that nothing changes unless orders do
recent as (
    select order_id
    from orders
    where
        not is_cancelled
        and ordered_at > (
            select {{ dbt.dateadd('day', -1 * var('pair_days', 365), 'max(ordered_at)') }}
            from orders
        )
),

bought as (
    select distinct order_lines.order_id, order_lines.product_id
    from order_lines
    inner join recent on order_lines.order_id = recent.order_id
    where order_lines.product_id is not null
),

singles as (
    select product_id, count(*) as order_count
    from bought
    group by product_id
),

-- each two products once: what is bought together grows with the square of an order
together as (
    select
        this.product_id,
        other.product_id as other_product_id,
        count(*) as orders_together
    from bought as this
    inner join bought as other
        on this.order_id = other.order_id and this.product_id < other.product_id
    group by this.product_id, other.product_id
    having count(*) >= {{ var('pair_min_orders', 3) }}
),

pairs as (
    select product_id, other_product_id, orders_together
    from together

    union all

    select other_product_id as product_id, product_id as other_product_id, orders_together
    from together
),

lifted as (
    select
        pairs.*,
        cast(pairs.orders_together as {{ dbt.type_float() }})
        * (select count(distinct order_id) from bought)
        / (cast(singles.order_count as {{ dbt.type_float() }}) * others.order_count) as lift
    from pairs
    inner join singles on pairs.product_id = singles.product_id
    inner join singles as others on pairs.other_product_id = others.product_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by product_id
            order by orders_together desc, lift desc, other_product_id
        ) as place
    from lifted
    -- less often together than by chance is no recommendation
    where lift > 1
),

final as (
    select
        product_id,
        other_product_id,
        orders_together,
        lift,
        place
    from ranked
    where place <= 10
)

select * from final
