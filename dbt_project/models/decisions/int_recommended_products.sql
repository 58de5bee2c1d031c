{{ config(materialized='ephemeral') }}

with candidates as (select * from {{ ref('send_candidates') }}),

message_variables as (select * from {{ ref('message_variables') }}),

orders as (select * from {{ ref('orders') }}),

order_lines as (select * from {{ ref('order_lines') }}),

products as (select * from {{ ref('products') }}),

product_pairs as (select * from {{ ref('product_pairs') }}),

stock as (select * from {{ ref('stg_stock') }}),

-- only whom a message with products may reach
customers as (
    select distinct candidates.customer_id
    from candidates
    inner join message_variables on candidates.message = message_variables.message
    where message_variables.variable = 'products'
),

owned as (
    select distinct
        orders.customer_id,
        order_lines.product_id,
        order_lines.category1
    from customers
    inner join orders on customers.customer_id = orders.customer_id
    inner join order_lines on orders.order_id = order_lines.order_id
    where not orders.is_cancelled
),

-- what goes with what one has, else what sells in one's categories, else what sells
suggested as (
    select
        owned.customer_id,
        product_pairs.other_product_id as product_id,
        1 as ladder,
        sum(product_pairs.lift) as strength
    from owned
    inner join product_pairs on owned.product_id = product_pairs.product_id
    group by owned.customer_id, product_pairs.other_product_id

    union all

    select
        liked.customer_id,
        products.product_id,
        2 as ladder,
        cast(products.order_count as {{ dbt.type_float() }}) as strength
    from (select distinct customer_id, category1 from owned) as liked
    inner join products on liked.category1 = products.category1 and products.category_place <= 20

    union all

    select
        customers.customer_id,
        products.product_id,
        3 as ladder,
        cast(products.order_count as {{ dbt.type_float() }}) as strength
    from customers
    inner join products on products.sales_place <= 20
),

available as (
    select
        suggested.customer_id,
        products.product_id,
        products.name,
        products.unit_price_jpy,
        row_number() over (
            partition by suggested.customer_id, products.product_id order by suggested.ladder
        ) as mention,
        suggested.ladder,
        suggested.strength
    from suggested
    inner join products on suggested.product_id = products.product_id
    left join stock on suggested.product_id = stock.product_id
    left join owned
        on
            suggested.customer_id = owned.customer_id
            and suggested.product_id = owned.product_id
    where owned.product_id is null and coalesce(stock.quantity, 1) > 0
),

placed as (
    select
        *,
        row_number() over (
            partition by customer_id order by ladder, strength desc, product_id
        ) as place
    from available
    where mention = 1
),

written as (
    select
        customer_id,
        place,
        {{ json_object({
            'product_id': 'product_id', 'name': 'name', 'price_jpy': 'unit_price_jpy',
        }) }} as product
    from placed
    where place <= {{ var('recommended_products', 3) }}
),

final as (
    select
        customer_id,
        '[' || {{ dbt.listagg('product', "','", 'order by place') }} || ']' as products
    from written
    group by customer_id
)

select * from final
