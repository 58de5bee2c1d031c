with source as (
    {{ latest_rows('ec_order_lines', key=['order_id']) }}
),

final as (
    select
        order_id,
        nullif(product_id, '') as product_id,
        qty,
        unit_price,
        amount_jpy
    from source
)

select * from final
