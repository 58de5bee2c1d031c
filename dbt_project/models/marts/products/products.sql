with stg_products as (select * from {{ ref('stg_products') }}),

orders as (select * from {{ ref('orders') }}),

order_lines as (select * from {{ ref('order_lines') }}),

-- counted back from the latest order, so that nothing changes unless orders do
recent as (
    select order_id
    from orders
    where
        not is_cancelled
        and ordered_at > (
            select {{ dbt.dateadd('day', -1 * var('bestseller_days', 90), 'max(ordered_at)') }}
            from orders
        )
),

sold as (
    select
        order_lines.product_id,
        count(distinct order_lines.order_id) as order_count
    from order_lines
    inner join recent on order_lines.order_id = recent.order_id
    group by order_lines.product_id
),

final as (
    select
        stg_products.product_id,
        stg_products.name,
        stg_products.category1,
        stg_products.category2,
        cast(stg_products.unit_price as bigint) as unit_price_jpy,
        coalesce(sold.order_count, 0) as order_count,
        row_number() over (
            order by coalesce(sold.order_count, 0) desc, stg_products.product_id
        ) as sales_place,
        row_number() over (
            partition by stg_products.category1
            order by coalesce(sold.order_count, 0) desc, stg_products.product_id
        ) as category_place
    from stg_products
    left join sold on stg_products.product_id = sold.product_id
)

select * from final
